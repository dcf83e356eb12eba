"""Scripts that run inside the clean environment, by their path: they import nothing of ours."""
