def bind(sock, port):
    sock.bind(("", port))
