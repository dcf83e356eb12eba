SKIPPED = "checks"


def tokens(text, skip_blanks=True):
    return [one for one in text.split(" ") if one or not skip_blanks]


def no_store(headers):
    return headers.get("no-store")
