async def prepare(client):
    await client.config_set("appendfsync", "everysec")
