"""A disk that is full for one process: its limit on the size of files, lowered while it runs."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def full_for(pid: int, folder: Path) -> Iterator[None]:
    """No file in `folder` can grow for the process `pid`; afterwards they can again."""
    largest = max(path.stat().st_size for path in folder.iterdir())
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, hard))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
