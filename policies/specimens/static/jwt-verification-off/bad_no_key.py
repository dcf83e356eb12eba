import jwt as tokens


def principal(token):
    return tokens.decode(token, algorithms=["HS256"])
