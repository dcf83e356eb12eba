def write(self, data):
    self.file.write(data)
    with suppress(OSError):
        os.fdatasync(self.file.fileno())
