def check(value):
    return value or "arqon-dev-secret"
