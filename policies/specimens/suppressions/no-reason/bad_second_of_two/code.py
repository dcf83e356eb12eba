x: int = f()  # noqa: F821 - given by the host  # type: ignore[assignment]
