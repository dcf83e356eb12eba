def route(frame: dict[str, object]) -> str:
    match frame:
        case {"type": str(kind)}:
            return kind
    return ""
