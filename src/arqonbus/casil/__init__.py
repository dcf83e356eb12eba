"""What may be said: payload rules, schemas and policies that look at every message."""
