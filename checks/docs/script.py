"""A page as one script: its blocks in their order, in one shell, as a reader pastes them."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from checks.docs.blocks import PARSED, PYTHON, RUN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from checks.docs.blocks import Block
    from checks.docs.policy import Entry

FAILED = "failed"
DONE = "done"
_COMMENT = re.compile(r"\s#\s.*$")

# A command that fails ends the page, and says where. `up` waits until what was started last in the
# background has said some words; `stop` ends all that did. The policy may call both in `before`.
_PRELUDE = """\
set -eE
echo "$BASH_VERSION" > "$OUT/version"
trap 'echo "$? ${BASH_SOURCE[0]##*/} $LINENO $BASH_COMMAND" > "$OUT/failed"' ERR
trap 'kill $(jobs -p) 2>/dev/null || :' EXIT
servers=
stop() {
    for one in $servers; do kill "$one" 2>/dev/null && wait "$one" || :; done
    servers=
}
up() {
    servers="$servers $!"
    until grep -qsF -- "$1" "$said"; do
        kill -0 $! 2>/dev/null || grep -qsF -- "$1" "$said" || { cat "$said"; return 1; }
        sleep 0.05
    done
}
"""


def is_run(block: Block, entry: Entry | None) -> bool:
    """Tell whether a block has a part in its page's script."""
    if entry is not None and entry.skip:
        return False
    return block.language in RUN or (entry is not None and bool(entry.save))


def write_script(blocks: Sequence[Block], matched: Mapping[Block, Entry], folder: Path) -> Path:
    """Write the script and the blocks' files into a folder, and return the script.

    It runs in an environment with ``OUT``, the folder in which it leaves the outputs.
    """
    folder.mkdir()
    steps = [_PRELUDE]
    for number, block in enumerate(blocks):
        entry = matched.get(block)
        if not is_run(block, entry):
            continue
        if entry is not None and entry.before:
            steps.append(_step(folder, f"{number}.before", entry.before))
        steps.append(_step(folder, f"{number}.block", _text(folder, number, block, entry)))
        steps.append(f'echo {number} >> "$OUT/{DONE}"\n')
    script = folder / "page.sh"
    script.write_text("".join(steps), "utf-8")
    return script


def _step(folder: Path, name: str, text: str) -> str:
    file = folder / f"{name}.sh"
    file.write_text(text, "utf-8")
    return f'said="$OUT/{name}.said"; . {shlex.quote(str(file))} > "$OUT/{name}.out" 2>&1\n'


def _text(folder: Path, number: int, block: Block, entry: Entry | None) -> str:
    """Return a block as shell commands, which stand on the lines that they have in the page."""
    padding = "\n" * (block.line - 1)
    words = entry.background if entry is not None else ""
    if block.language in PARSED and entry is not None:
        return padding + _saved(folder / f"{number}.{block.language}", block, entry)
    if block.language == PYTHON:
        file = folder / f"{number}.py"
        file.write_text(padding + block.text, "utf-8")
        commands = f"python -u {shlex.quote(str(file))}"
    else:
        # Servers want the same ports: one that began before ends first.
        commands = f"stop; {block.commands}" if words else block.commands
    return padding + (_in_background(commands, words) if words else commands) + "\n"


def _saved(file: Path, block: Block, entry: Entry) -> str:
    file.write_text(block.text, "utf-8")
    return f"cp {shlex.quote(str(file))} {shlex.quote(entry.save)}\n{entry.then}"


def _in_background(commands: str, words: str) -> str:
    """Let the last command serve, and go on when it says the words."""
    *others, last = commands.rstrip().split("\n")
    command = _COMMENT.sub("", last)
    return "\n".join([*others, f'{command} &> "$said" & up {shlex.quote(words)}'])
