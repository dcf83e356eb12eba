def sync(self):
    try:
        os.fsync(self.fd)
    except OSError as error:
        log.warning("fsync failed", reason=str(error))
