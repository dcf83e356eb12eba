import socket


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def text(version):
    return f"speaks {version or '0.0.1'}"
