import contextlib


def close(peer):
    with contextlib.suppress(ConnectionResetError):
        peer.close()
    try:
        peer.join()
    except TimeoutError:
        pass
