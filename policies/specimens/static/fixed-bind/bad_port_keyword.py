import picows


async def serve(factory, host):
    return await picows.ws_create_server(factory, host, port=9100)
