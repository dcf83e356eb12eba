def watched(work):
    def run(*given):
        async def inner():
            try:
                return await work(*given)
            except Exception:
                return None

        return inner()

    return run
