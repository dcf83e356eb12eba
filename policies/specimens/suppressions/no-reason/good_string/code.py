TEXT = "# noqa: F401"
