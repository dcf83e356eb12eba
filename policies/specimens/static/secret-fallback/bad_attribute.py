def start(settings):
    settings.signing_key = "signing-key"
