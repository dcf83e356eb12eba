"""The synthesis operator: mocked for now."""
