import asyncio


async def pump(peer, log):
    try:
        await peer.run()
    except Exception as error:
        if isinstance(error, asyncio.CancelledError):
            raise
