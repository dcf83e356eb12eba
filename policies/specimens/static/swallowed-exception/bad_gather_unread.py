import asyncio


async def close(peers):
    results = await asyncio.gather(*(peer.close() for peer in peers), return_exceptions=True)
    return len(peers)
