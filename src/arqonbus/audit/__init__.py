"""The audit log: who was refused what, and who changed what about the bus, chained by hash."""
