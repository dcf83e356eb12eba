import asyncio


def start(peer):
    task = asyncio.create_task(peer.run())
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
