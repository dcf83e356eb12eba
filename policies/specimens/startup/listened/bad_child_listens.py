"""Refuses, while a child of it has been listening."""

import os
import socket
import sys
import time

if os.fork() == 0:
    with socket.create_server(("127.0.0.1", 0)):
        time.sleep(0.5)
    os._exit(0)
os.wait()
sys.stderr.write("not started: there is no authentication\n")
sys.exit(78)
