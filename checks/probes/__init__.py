"""Scripts that run inside the clean environment: they import nothing but what is beside them."""
