import resource
from collections.abc import Iterator

import pytest

from arqonbus.app.files import RESERVED, allow_connections


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def limit_to(soft: int) -> int:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return hard


def test_the_soft_limit_follows_the_need() -> None:
    limit_to(256)
    assert allow_connections(300) == 300
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 300 + RESERVED


def test_a_limit_that_suffices_is_left_alone() -> None:
    limit_to(600)
    assert allow_connections(300) == 300
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 600


def test_the_hard_limit_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 512))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: taken.append(limits))
    assert allow_connections(20_000) == 512 - RESERVED
    assert taken == [(512, 512)]
