def attempt(work):
    try:
        return work(), None
    except Exception as error:
        return None, error
