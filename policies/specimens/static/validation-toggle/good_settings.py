import os
from dataclasses import dataclass


@dataclass
class Auth:
    mode: str = "token"
    required: bool = True


def profile():
    return os.environ.get("ARQONBUS_PROFILE", "prod"), os.environ.get("NO_COLOR")
