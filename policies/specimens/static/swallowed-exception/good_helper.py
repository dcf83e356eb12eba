class Session:
    def take(self, frame):
        try:
            self.handle(frame)
        except Exception:
            self.failed()

    def failed(self):
        self.log.error("a frame failed", exc_info=True)
        self.metrics.internal_error("session")
