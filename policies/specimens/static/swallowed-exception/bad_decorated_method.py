class Peer:
    @property
    @cached
    def address(self):
        try:
            return self.transport.get_extra_info(
                "peername",
            )
        except (
            OSError,
            Exception,
        ):
            return None
