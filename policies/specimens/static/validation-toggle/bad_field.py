from dataclasses import dataclass


@dataclass
class Auth:
    skip_signature_verification: bool = False
