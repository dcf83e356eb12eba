from dataclasses import dataclass


@dataclass
class Listen:
    host: str = "0.0.0.0"
    port: int = 9100
