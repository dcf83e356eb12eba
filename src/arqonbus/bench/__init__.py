"""The load tool: `arqonbus bench`. It measures a bus it starts itself, or a NATS server."""
