"""Warns, and serves nevertheless."""

import socket
import sys
import time

sys.stderr.write("warning: there is no authentication\n")
listening = socket.create_server(("127.0.0.1", int(sys.argv[3])))
time.sleep(60)
