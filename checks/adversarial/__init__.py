"""What the gate `adversarial` does to a bus, and how it sees what came of it."""
