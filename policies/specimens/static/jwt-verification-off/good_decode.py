import jwt


def principal(token, key, algorithm):
    head = jwt.get_unverified_header(token)
    assert head
    return jwt.decode(token, key, algorithms=[algorithm], options={"require": ["exp", "sub"]})


def other(token, key):
    return jwt.decode(token, key=key, algorithms=["EdDSA"], options={"verify_signature": True})
