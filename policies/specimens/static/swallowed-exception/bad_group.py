async def pump(group):
    try:
        await group.run()
    except* Exception:
        pass
