def claim(group):
    """Claim what is pending (not implemented yet)."""
