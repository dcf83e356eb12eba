from dataclasses import dataclass


@dataclass
class Server:
    bind_host: str = "::"
