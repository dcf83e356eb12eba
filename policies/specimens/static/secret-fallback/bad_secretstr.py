from pydantic import BaseModel, SecretStr


class Auth(BaseModel):
    key: SecretStr = SecretStr("a-literal")
