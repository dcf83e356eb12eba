class Peer:
    def run(self, ended):
        try:
            self.pump()
        except Exception as error:
            ended(error)
        try:
            self.pump()
        except Exception as error:
            self.reason = error

    def close(self):
        if self.reason is not None:
            raise self.reason
