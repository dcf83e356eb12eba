from jwt import decode


def principal(token, key):
    return decode(token, key)
