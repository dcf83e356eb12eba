"""What tells a real find from a text that only looks like one."""

from __future__ import annotations

import ipaddress
import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

# Bits a character: words and repeated letters are below, what a generator makes is above.
MIN_ENTROPY: Final = 3.0
# What the networks issue (ISO/IEC 7812-1): Visa, Mastercard, American
# Express, Diners Club, JCB, Discover and UnionPay.
_CARD: Final = re.compile(
    r"4\d{15}|5[1-5]\d{14}|(?:222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12}|6(?:011|4[4-9]\d|5\d\d)\d{12}"
    r"|62\d{14,17}"
)
_SEPARATOR: Final = re.compile("[ .-]")
_GROUP: Final = (4, 6)
_LEAST_KINDS: Final = 2
_DECIMAL_BASE: Final = 10
_NINE: Final = 9
_IBAN_MODULUS: Final = 97
# Country and length, from the IBAN registry (SWIFT).
_IBAN_COUNTRIES: Final = {
    15: "NO",
    16: "BE",
    18: "DK FI FK FO GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU YE",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
_IBAN_LENGTHS: Final = {
    country: length for length, text in _IBAN_COUNTRIES.items() for country in text.split()
}


def is_random(text: str) -> bool:
    """Whether a value looks as if a generator had made it (Shannon entropy)."""
    kinds = (str.isupper, str.islower, str.isdecimal)
    if sum(any(map(kind, text)) for kind in kinds) < _LEAST_KINDS:
        return False
    total = len(text)
    bits = -sum(n / total * math.log2(n / total) for n in Counter(text).values())
    return bits >= MIN_ENTROPY


def is_card(text: str) -> bool:
    """Whether the digits begin with a card number that has its check digit (ISO/IEC 7812-1), and
    are grouped as people group them: numbers in a row, or with a fraction, are none.
    """
    digits = ""
    for group in _groups(text):
        digits += group
        if _CARD.fullmatch(digits) and _luhn([int(digit) for digit in digits]):
            return len(set(digits)) > 1
    return False


def _groups(text: str) -> Iterator[str]:
    """The groups that may belong to one number: all of it, four to six digits each, or one each."""
    separators = _SEPARATOR.findall(text)
    groups = _SEPARATOR.split(text)
    if "." in separators and (len(separators) == 1 or set(separators) != {"."}):
        groups = groups[:1]  # the point is that of a fraction
    yield groups[0]
    least, most = (1, 1) if len(groups[0]) == 1 else _GROUP
    for before, group in pairwise(groups):
        if not (least <= len(before) <= most and len(group) <= most):
            return
        yield group


def _luhn(digits: list[int]) -> bool:
    doubled = (2 * digit for digit in digits[-2::-2])
    total = sum(digits[-1::-2]) + sum(n - _NINE if n > _NINE else n for n in doubled)
    return total % _DECIMAL_BASE == 0


def is_iban(text: str) -> bool:
    """Whether an account number has its check digits (ISO 13616, modulo 97)."""
    compact = "".join(text.split()).upper()
    # What follows an account number in a sentence may look like a part of it.
    length = _IBAN_LENGTHS.get(compact[:2], len(compact) + 1)
    return len(compact) >= length and _mod_97(compact[:length])


def _mod_97(compact: str) -> bool:
    turned = compact[4:] + compact[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % _IBAN_MODULUS == 1


def is_ssn(text: str) -> bool:
    """Whether a US social security number may have been given out."""
    area, group, serial = text.replace(" ", "-").split("-")
    return area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"


def is_address(text: str) -> bool:
    """Whether it is an IP address that belongs to somebody: no loopback, no unspecified one."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)
