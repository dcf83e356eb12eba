"""What the gate `durability` does to a bus and its store, and what it then asks of both."""
