# mypy: ignore-errors  # the stubs are wrong
import os
