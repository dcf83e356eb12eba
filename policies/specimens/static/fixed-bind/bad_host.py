async def serve(loop, factory, port):
    return await loop.create_server(factory, "0.0.0.0", port)
