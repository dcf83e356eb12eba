"""A specimen."""

import socket

HOST = socket.gethostname
