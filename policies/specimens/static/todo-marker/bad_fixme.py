LIMIT = 10  # FIXME: take it from the settings
