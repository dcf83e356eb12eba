"""Look for secrets in files, by detect-secrets' own plugins; a process of its own for its settings.

The argument is a file with a JSON list of paths; what is found is a JSON list on standard output.
The command line of detect-secrets passes over files outside of where it is started, in silence.
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from detect_secrets.core.scan import scan_file
from detect_secrets.settings import default_settings, get_settings

_OFF = (
    "detect_secrets.filters.allowlist.is_line_allowlisted",
    "detect_secrets.filters.heuristic.is_lock_file",
    "detect_secrets.filters.heuristic.is_swagger_file",
    "detect_secrets.filters.heuristic.is_non_text_file",
)
_AT_A_TIME = 40


def look(paths: list[str]) -> list[tuple[str, int, str, str]]:
    """Return path, line, kind and the tool's hash of everything found."""
    with default_settings():
        get_settings().disable_filters(*_OFF)
        return [
            (path, one.line_number, one.type, one.secret_hash)
            for path in paths
            for one in scan_file(path)
        ]


def main() -> None:
    """Share the files out among the cores."""
    paths: list[str] = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    parts = [paths[i : i + _AT_A_TIME] for i in range(0, len(paths), _AT_A_TIME)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = [one for part in pool.map(look, parts) for one in part]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
