"""The claims that the gate `metadata` holds against each other."""
