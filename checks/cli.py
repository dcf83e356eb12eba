"""The command line of the release check: ``python -m checks``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from checks.commands import find_commands
from checks.execute import HOME, Options, execute, make_plan
from checks.gates.registry import all_gates
from checks.model import CouldNotRun, Mode
from checks.reporting.terminal import LiveProgress, PlainProgress, print_summary
from checks.reporting.write import clear_reports, write_reports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checks.commands import Command
    from checks.execute import Plan
    from checks.outcome import Outcome

_EXIT_COULD_NOT_RUN = 2
_WIDTH_OF_LOGS = 160

_DESCRIPTION = """\
Prove what a release promises: builds the wheel, judges it and the source by independent gates,
and writes reports. Nothing that a gate skipped, missed or could not do counts as a pass.
"""

_EPILOG = """\
gates:
{gates}

modes:
  degraded  (default, for a workstation) a gate that lacks what lies outside of it, the network or
            the record that scripts/test leaves, is NOT EVALUATED; the verdict and every report say
            so, and nothing is attested
  strict    (for a release) the same is a failure; only a strict pass of a clean commit by all
            gates writes attestation.intoto.json, which binds the verdict to the wheel's and
            sdist's sha256, and test-result.intoto.json, about the commit

exit codes:
  0 passed    1 failed    2 could not run

commands (python -m checks COMMAND --help):
{commands}

examples:
  python -m checks                              everything, into reports/
  python -m checks --only static shadowing      two gates, while working on them
  python -m checks --mode strict                what a release runs
  python -m checks --advisories advisories.zip  without network
  python -m checks --project ../other           another project's tree
  python -m checks --fresh                      take nothing from an earlier run

See docs/release-check.md for each gate, the reports and how to add a control.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the release check and return its exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH_OF_LOGS)  # a log has no width to fit into
    if given and given[0] in (commands := find_commands()):
        return _run_command(given[0], commands[given[0]], given[1:], console)
    options = parse(given)
    try:
        plan = make_plan(options)
        clear_reports(options.reports)
        outcome = _run(plan, console)
    except CouldNotRun as error:
        return _could_not_run(error)
    files = write_reports(outcome, options.reports)
    print_summary(console, outcome)
    names = ", ".join(file.name for file in files)
    console.print(f"Reports in {options.reports}: {names}", markup=False, soft_wrap=True)
    return outcome.exit_code


def _run_command(name: str, command: Command, arguments: Sequence[str], console: Console) -> int:
    """Run one of the commands beside the release check itself."""
    parser = argparse.ArgumentParser(
        prog=f"python -m checks {name}",
        description=command.SUMMARY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.arguments(parser)
    try:
        return command.run(parser.parse_args(arguments), console)
    except CouldNotRun as error:
        return _could_not_run(error)


def _could_not_run(error: CouldNotRun) -> int:
    Console(stderr=True).print(
        f"COULD NOT RUN: {error}", style="bold red", markup=False, soft_wrap=True
    )
    return _EXIT_COULD_NOT_RUN


def parse(arguments: Sequence[str] | None) -> Options:
    """Turn the command line into options; argparse ends the process with 2 on a wrong one."""
    given = _parser().parse_args(arguments)
    return Options(
        project=given.project,
        policies=given.policies,
        only=tuple(given.only or ()),
        mode=Mode(given.mode),
        reports=given.reports,
        advisories=given.advisories,
        fresh=given.fresh,
    )


def _run(plan: Plan, console: Console) -> Outcome:
    live = console.is_terminal and not console.is_dumb_terminal
    names = [gate.name for gate in plan.gates]
    progress = LiveProgress(console, names) if live else PlainProgress(console)
    console.print(
        f"{plan.manifest.name} {plan.manifest.version}: {len(plan.manifest.shipped)} shipped files,"
        f" {len(plan.manifest.locked)} locked distributions, {len(names)} gates,"
        f" {plan.options.mode.value} mode",
        markup=False,
        soft_wrap=True,
        highlight=False,
    )
    with progress:
        return execute(plan, progress)


def _parser() -> argparse.ArgumentParser:
    gates = "\n".join(f"  {gate.name:<16}{gate.title}" for gate in all_gates())
    commands = "\n".join(
        f"  {name:<16}{one.SUMMARY.splitlines()[0]}" for name, one in find_commands().items()
    )
    parser = argparse.ArgumentParser(
        prog="python -m checks",
        description=_DESCRIPTION,
        epilog=_EPILOG.format(gates=gates, commands=commands),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--project", type=_folder, default=HOME, metavar="DIR", help="tree to check (this one)")
    add("--policies", type=_folder, metavar="DIR", help="controls, waivers, rules and specimens")
    add("--only", nargs="+", metavar="GATE", help="run these gates alone; never attested")
    add("--mode", choices=[one.value for one in Mode], default="degraded", help="see below")
    add("--reports", type=Path, default=Path("reports"), metavar="DIR", help="(reports/)")
    add("--advisories", type=_file, metavar="FILE", help="snapshot of known vulnerabilities")
    add("--fresh", action="store_true", help="take no answer from an earlier run")
    return parser


def _folder(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is not a folder")
    return path


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{text} is not a file")
    return path
