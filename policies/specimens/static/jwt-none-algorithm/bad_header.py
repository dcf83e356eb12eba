import jwt


def claims(token, key):
    header = jwt.get_unverified_header(token)
    return jwt.decode(token, key, [header["alg"]])
