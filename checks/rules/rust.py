"""Where a line of a Rust file belongs: the function, and the impl, trait or module around it."""

from __future__ import annotations

import re

# What may hold braces that are no blocks. A lifetime ('a) is not a character.
_NO_CODE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|b?r(#*)".*?"\1|b?"(?:\\.|[^"\\])*"|b?'(?:\\.[^']*|[^\\'])'""", re.DOTALL
)
_PART = re.compile(
    r"\bfn\s+(?P<fn>\w+)|\b(?:mod|trait)\s+(?P<named>\w+)|\bimpl\b(?P<impl>[^{;]*)|(?P<mark>[{}()\[\];])"
)
_FOR = re.compile(r"\bfor\s+(?!<)")


def enclosing(source: str, line: int) -> str:
    """Return the dotted name of what is around the beginning of a line, or begins on it."""
    code = _NO_CODE.sub(_blank, source)
    around: list[str] = []
    pending, depth = "", 0
    for part in _PART.finditer(code):
        if code.count("\n", 0, part.start()) + 1 > line:
            break
        mark = part["mark"]
        if not mark:
            pending = part["fn"] or part["named"] or _type(part["impl"])
        elif mark == "{":
            around.append(pending)
            pending = ""
        elif mark == "}" and around:
            ended = around.pop()
            if ended and code.count("\n", 0, part.start()) + 1 == line:
                return ".".join(one for one in (*around, ended) if one)
        elif mark in "()[]":
            depth += 1 if mark in "([" else -1
        elif mark == ";" and depth == 0:
            pending = ""  # a declaration without a body
    return ".".join(one for one in (*around, pending) if one)


def _type(head: str) -> str:
    """Return the type that an `impl` is for."""
    name = _FOR.split(head)[-1]
    found = re.search(r"[A-Za-z_]\w*", re.sub(r"<[^<>]*>", "", name))
    return found[0] if found else ""


def _blank(match: re.Match[str]) -> str:
    """Keep the lines, so that they can be counted."""
    return re.sub(r"[^\n]", " ", match[0])
