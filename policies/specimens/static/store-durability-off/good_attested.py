async def level(client):
    found = await client.config_get("appendfsync", "appendonly")
    if found["appendfsync"] == "everysec":
        return "the setting appendfsync is everysec: set it to always"
    return None
