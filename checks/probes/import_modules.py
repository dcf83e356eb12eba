"""Import modules, each in a process of its own, and print what was loaded from where, as JSON.

Run as ``python -I import_modules.py [--site FOLDER] MODULE...``. Every child begins with nothing
imported, so a module that only works after another one was imported is found.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import sysconfig
import traceback
import warnings


def main(arguments: list[str]) -> None:
    """Print ``{"stdlib": [...], "modules": {name: {"error": …, "loaded": {name: file}}}}``."""
    if arguments[:1] == ["--site"]:
        sys.path.insert(0, arguments[1])
        arguments = arguments[2:]
    folders = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    answer = {
        "stdlib": [os.path.realpath(folder) for folder in folders],
        "modules": {name: _in_child(name) for name in arguments},
    }
    json.dump(answer, sys.stdout)


def _in_child(name: str) -> object:
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "w") as out:
            json.dump(_imported(name), out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    if status or not text:
        return {"error": f"the import ended the process (status {status})", "loaded": {}}
    return json.loads(text)


def _imported(name: str) -> dict[str, object]:
    try:
        importlib.import_module(name)
    except BaseException as error:  # noqa: BLE001 - whatever an import raises is the answer
        last = traceback.format_exception_only(error)[-1].strip()
        return {"error": last, "loaded": {}}
    loaded = {
        one: os.path.realpath(file)
        for one, module in list(sys.modules.items())
        if isinstance(file := getattr(module, "__file__", None), str) and one != "__main__"
    }
    return {"error": None, "loaded": loaded}


if __name__ == "__main__":
    main(sys.argv[1:])
