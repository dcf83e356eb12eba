from __future__ import annotations

import pytest
from unit.arqonbus.commands.calling import Calls


@pytest.fixture
def calls() -> Calls:
    return Calls()
