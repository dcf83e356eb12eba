"""Known vulnerabilities from a snapshot: records, their meaning, an endpoint, and pip-audit."""
