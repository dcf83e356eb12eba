from door import may_enter


def test_the_right_key() -> None:
    may_enter("right", banned=False)


def test_the_wrong_key() -> None:
    may_enter("wrong", banned=False)
