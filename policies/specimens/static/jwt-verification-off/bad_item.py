def lax(options):
    options["verify_signature"] = False
    return options
