import jwt

LAX = {"require": ["sub"], "verify_exp": False}


def principal(token, key):
    return jwt.decode(token, key, algorithms=["HS256"], options=LAX)
