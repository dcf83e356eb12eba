def kind(value):
    match value:
        case {"type": str()}:
            return value["type"]
        case _:
            return None
