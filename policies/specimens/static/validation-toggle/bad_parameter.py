def connect(url, skip_verification=False):
    return url, skip_verification
