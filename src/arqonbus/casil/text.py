"""The texts behind a text: without disguises, and with one layer of wrapping taken off."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

# Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties), and controls that no reader shows.
_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_FOREIGN_DIGIT: Final = re.compile(r"(?![0-9])\d")
# Characters that NFKC may have to put in order, or symbols; a letter or a digit ends their run. The
# two half-width marks are letters, and become marks.
_MARKS: Final = re.compile(r"(?:[^\w\s\x00-\x7f]|[\uff9e\uff9f]){30}")
_DASH: Final = re.compile("[\u2010-\u2015\u2043\u2212\u2e3a\u2e3b\ufe58\uff0d]")
_LEAST_RUN: Final = 16
# Each is a character class alone, which can't backtrack.
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{16,}")
_HEX: Final = re.compile(r"[0-9A-Fa-f]{24,}")
_URLSAFE: Final = str.maketrans("-_", "+/")


def undisguised(text: str) -> str:
    """The text in NFKC, with ASCII digits and hyphens, and without characters that nobody sees."""
    if text.isascii() and text.isprintable():
        return text
    # A lone surrogate is no character (Unicode, D76): it can't be matched, nor be sent.
    text = text.encode(errors="replace").decode()
    # Marks are put in order in time that grows with the square of their run, so runs are cut by a
    # character that is taken out again (UAX #15, 13: the stream-safe text format).
    text = unicodedata.normalize("NFKC", _MARKS.sub("\\g<0>\u034f", text))
    text = _INVISIBLE.sub("", text)
    text = _FOREIGN_DIGIT.sub(lambda match: str(unicodedata.decimal(match[0])), text)
    return _DASH.sub("-", text)


def unwrapped(text: str) -> Iterator[str]:
    """What the text holds in percent, base64 or hex encoding, as far as it holds any."""
    if len(text) < _LEAST_RUN and "%" not in text:
        return
    if "%" in text:
        yield unquote(text, errors="replace")
    for run in _BASE64.finditer(text):
        yield from _from_base64(run[0])
    if not text.isalnum():
        yield from _from_lines(text)
    for run in _HEX.finditer(text):
        even = run[0][: len(run[0]) & ~1]
        yield bytes.fromhex(even).decode(errors="replace")


def _from_lines(text: str) -> Iterator[str]:
    """A base64 text that was broken into lines (RFC 2045, 6.8)."""
    joined = "".join(text.split())
    if len(joined) < len(text) and _BASE64.fullmatch(joined.rstrip("=")):
        yield from _from_base64(joined.rstrip("="))


def _from_base64(run: str) -> Iterator[str]:
    # One character in the last group of four holds no byte.
    whole = run if len(run) % 4 != 1 else run[:-1]
    padded = whole.translate(_URLSAFE) + "=" * (-len(whole) % 4)
    try:
        yield base64.b64decode(padded).decode(errors="replace")
    except binascii.Error:
        return
