class Slot:
    """Holds a place in the pool: a placeholder for a connection that is being made."""

    def __init__(self):
        # placeholder to be replaced once the handshake ends
        self.timer = None
        # add_signal_handler is not implemented on Windows
        self.signals = False
