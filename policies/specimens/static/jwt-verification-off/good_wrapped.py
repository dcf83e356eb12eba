import jwt

OPTIONS = {"require": ["exp", "iss", "aud"], "verify_signature": True}


def claims(token, key, settings):
    return jwt.decode(
        token,
        key,
        algorithms=["EdDSA"],
        audience=settings.audience,
        options=OPTIONS,
    )
