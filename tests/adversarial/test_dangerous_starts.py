"""The command itself, started with configurations that must never serve (Critical 2, Medium 1)."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from arqonbus.config.model import Settings

STRONG = "kP4vX9sQ2mT7wZ1rB6nY3cL8dF5gH0jA"
PROD = ("--profile", "prod", "--host", "127.0.0.1", "--port", "0", "--http-host", "127.0.0.1")
LIMIT = 60  # only a hang gets there


def started(tmp_path: Path, *flags: str, **environ: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if "ARQONBUS" not in name}
    return subprocess.run(
        [sys.executable, "-m", "arqonbus", "serve", *flags],
        cwd=tmp_path,
        env=inherited | {"PYTHONPATH": os.pathsep.join(sys.path)} | environ,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


@pytest.mark.parametrize(
    ("flags", "environ", "said"),
    [
        (PROD, {}, "profile prod needs authentication"),
        (PROD, {"ARQONBUS_AUTH_SECRET": "short"}, "at least 32 are needed"),
        (PROD, {"ARQONBUS_AUTH_SECRET": "arqon-dev-secret"}, "well-known default"),
        (PROD, {"ARQONBUS_AUTH_SECRET": "arqon-dev-secret" * 4}, "well-known default"),
        (PROD, {"ARQONBUS_AUTH_SECRET": "a" * 64}, "too little entropy"),
        (PROD, {"ARQONBUS_AUTH_SECRET": ""}, "is empty"),
        (PROD, {"ARQONBUS_AUTH_SECRET_FILE": "absent"}, "cannot be read"),
        (
            PROD,
            {"ARQONBUS_AUTH_SECRET": STRONG, "ARQONBUS_STORAGE_BACKEND": "memory"},
            "needs durable storage",
        ),
        (
            ("--profile", "prod"),
            {"ARQONBUS_AUTH_SECRET": STRONG},
            "host was left to its default",
        ),
        ((), {"ARQONBUS_AUTH_SECRET": "changeme"}, "well-known default"),
        ((), {"ARQONBUS_AUTH_SKIP_VALIDATION": "1"}, "unknown environment variable"),
        ((), {"ARQONBUS_SKIP_VALIDATION": "true"}, "unknown environment variable"),
        ((), {"ARQONBUS_AUTH_ALGORITHM": "none"}, "auth.algorithm"),
        ((), {"ARQONBUS_AUTH_MODE": "none", "ARQONBUS_AUTH_SECRET": STRONG}, "auth.mode is none"),
        (("--host", "0.0.0.0"), {}, "there is no authentication"),
        (("--http-host", "::"), {}, "there is no authentication"),
        (("--profile", "production"), {}, "profile: "),
        (("--config", "absent.toml"), {}, "cannot be read"),
    ],
)
def test_refused_with_its_reason(
    tmp_path: Path, flags: tuple[str, ...], environ: dict[str, str], said: str
) -> None:
    result = started(tmp_path, *flags, **environ)
    assert result.returncode == 78
    assert said in result.stderr
    assert "not started" in result.stderr
    assert "Traceback" not in result.stderr
    assert not any(
        value in result.stdout + result.stderr
        for name, value in environ.items()
        if name.endswith("SECRET") and value
    )
    assert list(tmp_path.iterdir()) == []


SHIELD = ("access", "edge", "tls", "limits", "rates", "casil", "audit", "auth")
# What can't be said wrongly in a dangerous way.
HARMLESS = {
    "limits.auto_create_channels",  # either way is safe; access decides who may create
    "limits.dedup_window",  # 0 is a window too
}


def test_the_release_check_tries_a_dangerous_value_of_every_setting_of_the_shield() -> None:
    table = Path(__file__).parents[2] / "policies/startup.toml"
    cases = tomllib.loads(table.read_text("utf-8"))["dangerous"]
    told = {word.strip(":,") for case in cases for says in case["says"] for word in says.split()}
    set_by_name = {name for case in cases for name in case.get("env", {})}
    untried = [
        path
        for section in SHIELD
        for name in getattr(Settings(), section).__class__.model_fields
        if (path := f"{section}.{name}") not in told | HARMLESS
        and f"ARQONBUS_{section}_{name}".upper() not in set_by_name
    ]
    assert untried == []
