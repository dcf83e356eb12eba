"""Who may do what: a policy as data, how it decides, and how it explains itself."""
