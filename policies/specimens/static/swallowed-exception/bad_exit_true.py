class Quiet:
    def __enter__(self):
        return self

    def __exit__(self, *what):
        return True
