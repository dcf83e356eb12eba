import asyncio


async def close(peers):
    results = await asyncio.gather(*(peer.close() for peer in peers), return_exceptions=True)
    return [one for one in results if isinstance(one, BaseException)]
