import asyncio


async def close(peers):
    await asyncio.gather(*(peer.close() for peer in peers), return_exceptions=True)
