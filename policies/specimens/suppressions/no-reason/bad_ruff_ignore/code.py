import os  # ruff: ignore[F401]
