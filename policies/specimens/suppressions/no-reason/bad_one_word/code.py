if True:  # pragma: no cover - obvious
    pass
