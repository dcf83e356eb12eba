def serve(host: str) -> None:
    listen(host
