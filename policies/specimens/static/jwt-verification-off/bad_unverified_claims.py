from jose import jwt


def claims(token):
    return jwt.get_unverified_claims(token)
