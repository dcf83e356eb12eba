"""Print the tox environments (py311,py312,...) whose interpreter exists and starts here."""

import shutil
import subprocess
import sys

SUPPORTED = ("3.11", "3.12", "3.13")


def starts(version: str) -> bool:
    """Whether python<version> runs and is that version: a version manager's shim may not."""
    path = shutil.which(f"python{version}")
    if path is None:
        return False
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    # The argument list is ours: a name from SUPPORTED, looked up on PATH.
    done = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603
    return done.returncode == 0 and done.stdout.strip() == version


found = [f"py{version.replace('.', '')}" for version in SUPPORTED if starts(version)]
own = f"py{sys.version_info.major}{sys.version_info.minor}"
if own not in found:
    found.append(own)
missing = [v for v in SUPPORTED if f"py{v.replace('.', '')}" not in found]
if missing:
    sys.stderr.write(f"test: no interpreter here for {', '.join(missing)}\n")
sys.stdout.write(",".join(found) + "\n")
