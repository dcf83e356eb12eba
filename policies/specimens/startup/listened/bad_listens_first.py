"""Listens, then looks at its configuration, then refuses."""

import socket
import sys
import time

with socket.create_server(("127.0.0.1", int(sys.argv[3]))):
    time.sleep(0.5)
sys.stderr.write("not started: there is no authentication\n")
sys.exit(78)
