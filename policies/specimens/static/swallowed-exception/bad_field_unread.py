class Peer:
    def run(self):
        try:
            self.pump()
        except Exception as error:
            self.reason = error
