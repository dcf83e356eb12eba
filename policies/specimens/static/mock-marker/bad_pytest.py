import pytest


def ready():
    return pytest.approx(1.0)
