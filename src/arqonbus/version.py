"""The version: a literal, so that it is the same from a checkout and from the wheel.

A unit test holds it to what pyproject.toml says.
"""

from typing import Final

__version__: Final = "0.1.0"
