HELP = "synchronous commits are on; appendfsync is read from the server"


def look(client):
    return client.config_get("appendfsync")
