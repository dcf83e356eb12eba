x: int = "a"  # type: ignore[assignment]
