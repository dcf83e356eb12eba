# ruff: file-ignore[F401]
import os
