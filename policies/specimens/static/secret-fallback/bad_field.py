from dataclasses import dataclass


@dataclass
class Auth:
    jwt_secret: str = "a-literal"
