def context(settings):
    return settings.get("disable_tls_verification", False)
