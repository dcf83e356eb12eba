"""Reads from pytest's configuration what decides which tests run and what counts as failed."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from checks.suites.evidence import Options

if TYPE_CHECKING:
    import pytest

# Those that pytest reads itself; the others of its name it sets for the tests.
_STEERING = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")
_FLAGS = ("collectonly", "setuponly", "setupplan", "noconftest", "lf", "stepwise", "runxfail")
_TEXTS = ("keyword", "markexpr")
_LISTS = ("deselect", "ignore", "ignore_glob", "override_ini", "pythonwarnings", "plugins")


def options_in_force(config: pytest.Config) -> Options:
    """Return the options as they took effect, wherever they came from.

    Flags of a plugin that was switched off have no value; the switch itself is in `plugins`.
    """
    chosen: dict[str, Any] = {}  # Any: options of four kinds, each converted here
    chosen |= {name: bool(config.getoption(name, default=False)) for name in _FLAGS}
    chosen |= {name: str(config.getoption(name, default="") or "") for name in _TEXTS}
    chosen |= {name: tuple(map(str, config.getoption(name, default=None) or ())) for name in _LISTS}
    return Options(
        paths=tuple(config.args),
        testpaths=tuple(config.getini("testpaths")),
        environment={name: os.environ[name] for name in _STEERING if os.environ.get(name)},
        maxfail=int(config.getoption("maxfail", default=0) or 0),
        optimize=sys.flags.optimize,
        xfail_strict=bool(config.getini("xfail_strict")),
        warnings_are_errors="error" in config.getini("filterwarnings"),
        **chosen,
    )
