from pydantic import Field, SecretStr

KEY_FIELDS = ("secret", "secret_file", "public_key_file")
TOKEN_HEADER = "Authorization"


class Auth:
    secret: SecretStr | None = Field(default=None, description="HS256 secret, at least 32 bytes.")
    region: str = "eu"


def mode(settings, environ):
    return environ.get("ARQONBUS_PROFILE", "prod") or settings.profile
