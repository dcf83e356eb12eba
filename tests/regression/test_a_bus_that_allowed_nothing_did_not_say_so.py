"""With tokens and without a policy nothing is allowed; neither start nor check-config told."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner
from support.server import serving
from support.tokens import SECRET

from arqonbus.cli.main import main


async def test_the_start_warns(tmp_path: Path) -> None:
    async with serving(tmp_path, auth_secret=SECRET, storage_backend="memory") as bus:
        await bus.stop()
        [warning] = bus.events("the access policy should be looked at")
    assert warning["level"] == "warning"
    assert "access.policy_file is not set" in str(warning["warning"])


def test_check_config_warns() -> None:
    environ = {"ARQONBUS_AUTH_SECRET": SECRET}
    told = CliRunner().invoke(main, ["check-config"], env=environ)
    assert told.exit_code == 0
    assert "arqonbus: warning: access.policy_file is not set" in told.stderr
    document = json.loads(CliRunner().invoke(main, ["check-config", "--json"], env=environ).stdout)
    assert len(document["warnings"]) == 1
    assert json.loads(CliRunner().invoke(main, ["check-config", "--json"]).stdout)["warnings"] == []
