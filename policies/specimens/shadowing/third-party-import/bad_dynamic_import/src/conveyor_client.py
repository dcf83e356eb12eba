http = None
