from google.auth import jwt


def verified(token, certs, audience):
    return jwt.decode(token, certs=certs, audience=audience)
