"""The release gates: ``python -m checks`` proves what a release promises."""
