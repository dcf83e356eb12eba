def choose(settings):
    secret = settings.secret if settings.secret else "a-literal"
    return secret
