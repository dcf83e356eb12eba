from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from checks_support import ROOT

from checks.osv.policy import FILE, read_max_age
from checks.policyfile import PolicyError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("folder", ["policies", "policies/starter"])
def test_the_age_is_bounded(folder: str) -> None:
    assert 1 <= read_max_age(ROOT / folder / FILE) <= 90


@pytest.mark.parametrize(
    "text",
    [
        "",
        "schema = 2\nmax_age_days = 1",
        "schema = 1",
        "schema = 1\nmax_age_days = 0",
        "schema = 1\nmax_age_days = true",
        "schema = 1\nmax_age_days = 1.5",
        "schema = 1\nmax_age_days = 1\nmax_age_day = 9",
    ],
)
def test_a_policy_that_is_wrong_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(PolicyError, match=FILE):
        read_max_age(tmp_path / FILE)
