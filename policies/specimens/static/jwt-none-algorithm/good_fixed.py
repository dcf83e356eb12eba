import jwt

ALGORITHMS = ("HS256", "EdDSA")
MODES = ("none", "token")


def principal(token, key):
    return jwt.decode(token, key, algorithms=["HS256"])
