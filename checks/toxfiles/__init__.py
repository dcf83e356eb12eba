"""tox's settings in each of the forms that tox reads, as one: sections of texts."""
