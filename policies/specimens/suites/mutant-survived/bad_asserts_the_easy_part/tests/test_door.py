import pytest
from door import may_enter


def test_the_right_key() -> None:
    assert may_enter("right", banned=False)


def test_no_key() -> None:
    with pytest.raises(ValueError):
        may_enter("", banned=False)
