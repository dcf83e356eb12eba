import jwt


def principal(token, key):
    return jwt.decode(token, key, algorithms=["HS256"], options=dict(verify_signature=False))
