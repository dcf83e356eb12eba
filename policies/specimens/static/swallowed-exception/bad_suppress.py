import contextlib


def close(peer):
    with contextlib.suppress(Exception):
        peer.close()
