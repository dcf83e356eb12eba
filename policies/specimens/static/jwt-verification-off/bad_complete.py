import jwt


def claims(token):
    return jwt.decode_complete(token, options={"verify_signature": False})["payload"]
