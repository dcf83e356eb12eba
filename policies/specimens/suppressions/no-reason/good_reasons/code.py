import os  # noqa: F401 - other modules take it from here
x: int = g()  # type: ignore[assignment]  # the stub is wrong about g
import re  # ruff: ignore[F401] - other modules take it from here
