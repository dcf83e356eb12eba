"""What holds before there is a session: sockets, TLS, proxies, origins and limits by address."""
