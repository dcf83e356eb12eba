import asyncio


async def close(peers, old):
    tasks = [asyncio.create_task(peer.close()) for peer in peers]
    done, _ = await asyncio.wait(tasks)
    for task in done:
        task.result()
    await asyncio.wait(old)
