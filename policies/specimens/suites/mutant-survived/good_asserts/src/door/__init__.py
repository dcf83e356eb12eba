"""A door that opens with the right key."""


def may_enter(key: str, *, banned: bool) -> bool:
    """Whether a key opens; nobody who is banned gets in with it."""
    if not key:
        raise ValueError("there is no key")
    return key == "right" and not banned
