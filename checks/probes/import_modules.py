"""Import modules, each in a process of its own, and print what was loaded from where, as JSON.

Run as ``python -I import_modules.py [--site FOLDER] [--others-first PACKAGE] MODULE...``. Every
child begins with nothing imported, so a module that only works after another one was imported is
found. With ``--others-first`` everything that the modules load and that lies outside of the package
is imported once, before the children are made: they begin with that and nothing of the package.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import json
import os
import sys
import sysconfig
import traceback
import warnings


def main(arguments: list[str]) -> None:
    """Print ``{"stdlib": [...], "common": {...}, "modules": {name: {"error": …, "loaded": …}}}``.

    `loaded` maps the modules that were loaded to their files; those that were there before are
    listed once, in `common`.
    """
    if arguments[:1] == ["--site"]:
        sys.path.insert(0, arguments[1])
        arguments = arguments[2:]
    common: dict[str, str] = {}
    if arguments[:1] == ["--others-first"]:
        _import_others(arguments[1], arguments[2:])
        common, arguments = _places(), arguments[2:]
    folders = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    gc.freeze()  # children share what is there: without this each looks through all of it
    answer = {
        "stdlib": [os.path.realpath(folder) for folder in folders],
        "common": common,
        "modules": {name: _in_child([name], common) for name in arguments},
    }
    json.dump(answer, sys.stdout)


def _import_others(package: str, modules: list[str]) -> None:
    """Learn in a child what the modules load from elsewhere, and load that here."""
    answer = _in_child(modules, {})
    loaded = answer["loaded"]
    for name in loaded if isinstance(loaded, dict) else ():
        if name.partition(".")[0] != package:
            # What can't be imported here is imported, or fails, in each child as it would.
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    if any(name.partition(".")[0] == package for name in sys.modules):
        raise SystemExit(f"something outside of {package} imports it: nothing is proven")


def _in_child(names: list[str], common: dict[str, str]) -> dict[str, dict[str, str] | str | None]:
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "w") as out:
            json.dump(_imported(names, common), out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    if status or not text:
        return {"error": f"the import ended the process (status {status})", "loaded": {}}
    answered: dict[str, dict[str, str] | str | None] = json.loads(text)
    return answered


def _imported(names: list[str], common: dict[str, str]) -> dict[str, object]:
    try:
        for name in names:
            importlib.import_module(name)
    except BaseException as error:  # noqa: BLE001 - whatever an import raises is the answer
        last = traceback.format_exception_only(error)[-1].strip()
        return {"error": last, "loaded": {}}
    places = _places()
    loaded = {name: file for name, file in places.items() if common.get(name) != file}
    return {"error": None, "loaded": loaded}


def _places() -> dict[str, str]:
    """Return the file of every module that was loaded from one."""
    return {
        one: _real(file)
        for one, module in list(sys.modules.items())
        if isinstance(file := getattr(module, "__file__", None), str) and one != "__main__"
    }


@functools.cache
def _real(file: str) -> str:
    return os.path.realpath(file)


if __name__ == "__main__":
    main(sys.argv[1:])
