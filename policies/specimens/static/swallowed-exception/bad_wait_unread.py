import asyncio


async def close(peers):
    tasks = [asyncio.create_task(peer.close()) for peer in peers]
    await asyncio.wait(tasks)
