async def run(app, group):
    failure = None

    async def inner():
        nonlocal failure
        try:
            await app()
        except Exception as error:
            failure = error

    await group.run(inner)
    if failure is not None:
        raise failure
