"""Sockets: the WebSocket server and the bounded outbox of each peer."""
