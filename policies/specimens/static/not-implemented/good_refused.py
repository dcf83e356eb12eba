def decode(coding, body):
    if coding != "identity":
        raise NotImplementedError(f"{coding} is not supported")
    return body
