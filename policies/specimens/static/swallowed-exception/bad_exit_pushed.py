import contextlib


def close(peer):
    with contextlib.ExitStack() as stack:
        stack.push(lambda *what: True)
        peer.close()
