from __future__ import annotations

from pathlib import Path

import pytest
from checks_support import ROOT

from checks.model import CouldNotRun
from checks.policyfile import PolicyError
from checks.suites.sampling import Equivalent, Module, MutationPolicy, draw, read_mutation

TEXT = "def f(a):\n    if a:\n        raise ValueError\n    return a == 1\n"
RAISE = "f: drop-raise: raise ValueError"
MODULE = Module("src/a.py", ("tests/test_a.py",))


def policy(*equivalent: Equivalent, sample: int = 2, seed: int = 1) -> MutationPolicy:
    return MutationPolicy(1, seed, sample, 0.8, 10, 10, (MODULE,), (), equivalent)


def test_the_same_are_drawn_again_and_no_more_than_asked_for() -> None:
    drawn = draw(policy(), MODULE, TEXT)
    names = [one.name for one in drawn.chosen]
    assert names == [one.name for one in draw(policy(), MODULE, "\n\n" + TEXT).chosen]
    assert (len(names), drawn.total) == (2, 4)


def test_every_mutant_is_drawn_by_some_seed() -> None:
    drawn = {one.name for seed in range(30) for one in draw(policy(seed=seed), MODULE, TEXT).chosen}
    assert len(drawn) == 4


def test_an_equivalent_one_is_left_out_and_told() -> None:
    drawn = draw(policy(Equivalent("src/a.py", RAISE, "dead"), sample=9), MODULE, TEXT)
    assert RAISE not in {one.name for one in drawn.chosen}
    assert drawn.left_out == {RAISE: "dead"}


def test_an_equivalent_one_that_is_gone_is_refused() -> None:
    with pytest.raises(PolicyError, match="remove it"):
        draw(policy(Equivalent("src/a.py", "f: drop-not: not b", "dead")), MODULE, TEXT)


@pytest.mark.parametrize("text", ["def f(:", "x = 1\n"])
def test_a_module_without_mutants_proves_nothing(text: str) -> None:
    with pytest.raises(CouldNotRun, match=r"src/a\.py"):
        draw(policy(), MODULE, text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("threshold = 0.8", "threshold = 0.0"),
        ("threshold = 0.8", "threshold = 1.1"),
        ("sample = 5", "sample = 0"),
        ("schema = 1", "schema = 2"),
        ("seed = ", "sede = "),
        ('tests = ["tests/unit/arqonbus/shield/test_form.py"]', "tests = []"),
    ],
)
def test_a_policy_that_is_content_with_nothing_is_refused(
    tmp_path: Path, old: str, new: str
) -> None:
    text = (ROOT / "policies" / "mutation.toml").read_text("utf-8")
    assert old in text
    (tmp_path / "mutation.toml").write_text(text.replace(old, new))
    with pytest.raises(PolicyError):
        read_mutation(tmp_path / "mutation.toml")


def test_the_own_policy_draws_from_every_module_it_names() -> None:
    own = read_mutation(ROOT / "policies" / "mutation.toml")
    for module in own.module:
        drawn = draw(own, module, (ROOT / module.path).read_text("utf-8"))
        assert drawn.chosen
        assert all((ROOT / test).is_file() for test in module.tests)
