import pytest
from door import may_enter


@pytest.mark.parametrize(
    ("key", "banned", "enters"),
    [("right", False, True), ("right", True, False), ("wrong", False, False), ("wrong", True, False)],
)
def test_who_enters(key: str, banned: bool, enters: bool) -> None:
    assert may_enter(key, banned=banned) is enters


def test_no_key() -> None:
    with pytest.raises(ValueError):
        may_enter("", banned=False)
