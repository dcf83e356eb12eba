"""Who may come in: authenticators and the keys they verify with."""
