import asyncio


async def close(peer):
    _, _ = await asyncio.wait([asyncio.create_task(peer.close())], timeout=1)
