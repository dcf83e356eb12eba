"""What can be set, what it means, and where each value came from."""
