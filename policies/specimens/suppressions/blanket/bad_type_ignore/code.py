x: int = "a"  # type: ignore  # some reason given
