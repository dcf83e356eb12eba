from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checks.policyfile import PolicyError
from checks.workflows.policy import read_demands

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "schema = 1\nleast_rights = true\n"
WRITE = '[[write]]\nfile = "a.yml"\njob = "x"\nright = "contents"\nwhy = "pushes"\n'


def test_a_whole_policy_is_read(tmp_path: Path) -> None:
    file = tmp_path / "workflows.toml"
    file.write_text(
        HEAD + WRITE + '[[call]]\nfile = "a.yml"\ncommand = "c"\non = ["push"]\nwhy = "w"\n'
    )
    demands = read_demands(file)
    assert (demands.write[0].right, demands.call[0].on) == ("contents", ("push",))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "schema = 2\nleast_rights = true\n",
        "schema = 1\n",
        HEAD + "more = 1\n",
        HEAD + "call = 1\n",
        HEAD + WRITE.replace('why = "pushes"\n', ""),
        HEAD + WRITE.replace('"pushes"', '""'),
        HEAD + WRITE + 'while = "x"\n',
    ],
)
def test_a_policy_that_is_wrong_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "workflows.toml"
    file.write_text(text)
    with pytest.raises(PolicyError):
        read_demands(file)
