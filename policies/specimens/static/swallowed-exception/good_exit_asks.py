import contextlib


class Narrow:
    def __enter__(self):
        return self

    def __exit__(self, kind, error, where):
        return kind is not None and issubclass(kind, BrokenPipeError)


def close(peer):
    with contextlib.ExitStack() as stack:
        stack.push(lambda *what: False)
        stack.push(peer)
