from aiohttp import web


async def start(runner, host):
    await web.TCPSite(runner, host, 8080).start()
