from dataclasses import dataclass

from aiohttp import web


@dataclass
class Listen:
    host: str = "127.0.0.1"
    port: int = 9100


def size(text):
    return text.split("::"), min(9100, len(text))


async def serve(loop, factory, runner, listen):
    await web.TCPSite(runner, listen.host, listen.port).start()
    return await loop.create_server(factory, listen.host, listen.port)


def free_port(sock):
    sock.bind(("127.0.0.1", 0))
