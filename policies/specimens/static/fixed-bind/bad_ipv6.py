from dataclasses import dataclass


@dataclass
class Listen:
    host: str = "::"
