"""Running semgrep so that silence means clean: every file named, every skip and error fatal."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from checks.model import CouldNotRun, ToolRun
from checks.process import run_tool, tool_path, tool_version

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_FLAGS = (
    "scan",
    "--quiet",
    "--json",
    "--error",
    "--strict",
    "--metrics=off",
    "--disable-version-check",
    "--disable-nosem",
    "--max-target-bytes=0",
    "--no-git-ignore",
    "--x-ignore-semgrepignore-files",
    # A busy machine must not decide which rules are applied: a time-out is an error anyway.
    "--timeout=60",
    "--timeout-threshold=0",
    # Gates run side by side: a second worker costs two thirds more work for the same answer.
    "--jobs=1",
)
_FOUND_NOTHING, _FOUND_SOMETHING = 0, 1
_TAIL = 1_000

Entry = dict[str, Any]  # Any: parsed YAML and JSON, checked where it is used


@dataclass(frozen=True, slots=True)
class Match:
    """One place that one pattern matched; `path` is as it was named on the command line."""

    rule: str
    message: str
    remediation: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Scan:
    """What a run found and which files it looked at."""

    matches: tuple[Match, ...]
    scanned: frozenset[str]
    run: ToolRun


def rule_files(folder: Path) -> tuple[Path, ...]:
    """Return the files with rules.

    Raises:
        CouldNotRun: there is none.
    """
    found = tuple(sorted(folder.glob("*.yml")))
    if not found:
        raise CouldNotRun(f"there are no rules in {folder.name}")
    return found


def rules_of(files: Sequence[Path]) -> frozenset[str]:
    """Return the ids that the rules report under, after a look at each rule.

    Raises:
        CouldNotRun: a file has no rules, or a rule is limited to some paths or says too little.
    """
    ids: set[str] = set()
    for file in files:
        rules = _entries(file)
        if not rules:
            raise CouldNotRun(f"{file.name} has no rules")
        for rule in rules:
            about = rule.get("metadata", {})
            if "paths" in rule:
                raise CouldNotRun(f"{file.name}: {rule.get('id')} looks away from some paths")
            if not about.get("rule") or not about.get("remediation"):
                raise CouldNotRun(f"{file.name}: {rule.get('id')} names no rule or no remediation")
            ids.add(str(about["rule"]))
    return frozenset(ids)


def scan(root: Path, files: Sequence[str], configs: Sequence[Path], *, settings: Path) -> Scan:
    """Apply all rules to `files` (relative to `root`), named one by one so that none is skipped.

    Raises:
        CouldNotRun: semgrep crashed, reported an error, left out a rule or looked at no file.
    """
    named = [part for config in configs for part in ("--config", str(config))]
    done = run_tool(
        "semgrep",
        [tool_path("semgrep"), *_FLAGS, *named, "--", *files],
        cwd=root,
        env={
            "SEMGREP_SETTINGS_FILE": str(settings),
            "SEMGREP_SEND_METRICS": "off",
            "SEMGREP_ENABLE_VERSION_CHECK": "0",
        },
        version=tool_version("semgrep"),
    )
    if done.exit_code not in {_FOUND_NOTHING, _FOUND_SOMETHING}:
        said = (done.stdout + done.stderr).strip()[-_TAIL:]
        raise CouldNotRun(f"semgrep exited {done.exit_code}: {said}")
    try:
        report: Entry = json.loads(done.stdout)
        matches = tuple(_match(entry) for entry in report["results"])
        scanned = frozenset(str(path) for path in report["paths"]["scanned"])
        problems = [*report["errors"], *report["skipped_rules"]]
    except (ValueError, KeyError, TypeError) as error:
        raise CouldNotRun("semgrep's report has another shape than known") from error
    if problems:
        raise CouldNotRun(f"semgrep was not sure: {json.dumps(problems)[:_TAIL]}")
    if bool(matches) != (done.exit_code == _FOUND_SOMETHING):
        raise CouldNotRun(f"semgrep exited {done.exit_code} with {len(matches)} findings")
    return Scan(matches, scanned, done.run)


def _entries(file: Path) -> list[Entry]:
    try:
        rules = yaml.safe_load(file.read_text("utf-8"))["rules"]
    except (yaml.YAMLError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise CouldNotRun(f"{file.name} is no file of rules") from error
    if not isinstance(rules, list) or not all(isinstance(one, dict) for one in rules):
        raise CouldNotRun(f"{file.name} is no file of rules")
    return rules


def _match(entry: Entry) -> Match:
    about = entry["extra"]["metadata"]
    return Match(
        str(about["rule"]),
        str(entry["extra"]["message"]),
        str(about["remediation"]),
        str(entry["path"]),
        int(entry["start"]["line"]),
    )
