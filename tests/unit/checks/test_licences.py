from __future__ import annotations

from email.parser import HeaderParser
from typing import TYPE_CHECKING

import pytest

from checks.gates.licences import UNKNOWN, judge
from checks.licences import Demands, Known, allowed, declared, read_demands, valid
from checks.policyfile import PolicyError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("License-Expression: MIT\nLicense: GPL-3.0-only\n", "MIT"),
        ("License-Expression: nonsense\nLicense: MIT\n", None),
        ("License: MIT\nClassifier: License :: OSI Approved :: BSD License\n", "MIT"),
        ("License: Apache 2.0\n", "Apache-2.0"),
        ("License: All rights\n reserved, and much more\n", None),
        ("Classifier: License :: OSI Approved :: BSD License\n", None),
        ("Classifier: Topic :: Software Development\n", None),
        (
            "Classifier: License :: OSI Approved :: MIT License\n"
            "Classifier: License :: OSI Approved :: Apache Software License\n",
            "Apache-2.0 AND MIT",
        ),
        (
            "Classifier: License :: OSI Approved :: MIT License\n"
            "Classifier: License :: OSI Approved :: GNU General Public License (GPL)\n",
            None,
        ),
        ("", None),
    ],
)
def test_what_metadata_declares(text: str, licence: str | None) -> None:
    assert declared(HeaderParser().parsestr("Name: a\n" + text)) == licence


@pytest.mark.parametrize("text", ["", "(", "MIT AND", "LLVM-exception", "The usual", "FOO-1.0"])
def test_what_is_no_expression(text: str) -> None:
    assert not valid(text)


@pytest.mark.parametrize(
    ("expression", "is_allowed"),
    [
        ("MIT", True),
        ("MIT OR AGPL-3.0-only", True),
        ("MIT AND AGPL-3.0-only", False),
        ("(MIT AND ISC) OR AGPL-3.0-only", True),
        ("Apache-2.0", True),
        ("Apache-2.0 WITH LLVM-exception", False),
    ],
)
def test_one_of_or_and_all_of_and(expression: str, is_allowed: bool) -> None:
    assert allowed(expression, frozenset({"MIT", "ISC", "Apache-2.0"})) is is_allowed


def test_a_distribution_that_is_not_installed_here_is_unknown_until_it_is_looked_up() -> None:
    demands = Demands(1, frozenset({"MIT"}))
    assert [one.rule for one in judge({"a": None}, demands, "lock.txt")] == [UNKNOWN]
    known = Demands(1, frozenset({"MIT"}), (Known("a", "MIT", "its LICENSE file"),))
    assert list(judge({"a": None}, known, "lock.txt")) == []


TWICE = '[[known]]\nname = "a"\nlicence = "MIT"\nwhy = "w"\n'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "schema = 1\nallowed = []\n",
        'schema = 1\nallowed = ["Nonsense-1"]\n',
        'schema = 2\nallowed = ["MIT"]\n',
        'schema = 1\nallowed = ["MIT"]\n[[known]]\nname = "a"\nlicence = "MIT"\n',
        'schema = 1\nallowed = ["MIT"]\n[[known]]\nname = "a"\nlicence = "X"\nwhy = "w"\n',
        'schema = 1\nallowed = ["MIT"]\nknown = 1\n',
        'schema = 1\nallowed = ["MIT"]\n'
        + 2 * '[[known]]\nname = "a"\nlicence = "MIT"\nwhy = "w"\n',
    ],
)
def test_a_policy_that_is_wrong_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "licences.toml"
    file.write_text(text)
    with pytest.raises(PolicyError):
        read_demands(file)
