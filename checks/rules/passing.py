"""Files that are not meant to last: a failed fsync of one breaks no promise to anybody."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from checks.rules.source import last_name
from checks.rules.storewords import calls, each_of, stores, words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from checks.rules.source import Source

_SYNCS = each_of("fsync fdatasync")
_TEMPORARY = each_of("temp tmp temporary tempfile tempfiles")
_REMOVING = each_of("remove unlink rmtree")
# By these a temporary file becomes one that lasts.
_KEEPING = each_of("rename renames link hardlink_to move copy copyfile copy2")
_MODULES = each_of("os io shutil builtins codecs gzip")
Guarded = ast.Try | ast.TryStar | ast.With | ast.AsyncWith


def of_passing_use(source: Source, node: Guarded, after: list[ast.stmt]) -> bool:
    """Tell whether all that `node` stores is a file that is removed afterwards, or a temporary one
    by its function's name, in a module that renames none.
    """
    stored = [call for call in calls(node.body) if stores(call)]
    if any(last_name(call.func) not in _SYNCS for call in stored):
        return False
    last = node.finalbody if isinstance(node, ast.Try | ast.TryStar) else []
    if _opened(calls(node.body)) & _removed(calls([*last, *after])):
        return True
    function = source.enclosing(node.lineno).rpartition(".")[2]
    return bool(_TEMPORARY & set(words(function))) and not any(map(_keeps, ast.walk(source.tree)))


def _opened(found: Iterable[ast.Call]) -> set[str]:
    return {_subject(call) for call in found if last_name(call.func) == "open"}


def _removed(found: Iterable[ast.Call]) -> set[str]:
    return {_subject(call) for call in found if last_name(call.func) in _REMOVING}


def _subject(call: ast.Call) -> str:
    """Return what a call is about, as text: its first argument, or the path that it is a method of.

    ``open(path)`` and ``os.remove(path)`` are told so, and ``path.open()`` and ``path.unlink()``.
    """
    func = call.func
    if isinstance(func, ast.Attribute) and last_name(func.value) not in _MODULES:
        return ast.dump(func.value)
    return ast.dump(call.args[0] if call.args else call)


def _keeps(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    last = last_name(node.func)
    # A text's replace() takes two arguments; os.replace() as well, but says so.
    one = isinstance(node.func, ast.Attribute) and (
        len(node.args) == 1 or last_name(node.func.value) == "os"
    )
    return last in _KEEPING or (last == "replace" and one)
