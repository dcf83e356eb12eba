"""What the gate `secrets` does with detect-secrets, and what its policy allows."""
