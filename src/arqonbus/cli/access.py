"""`arqonbus access`: the access policy, asked, checked, begun and compared."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Final, NoReturn, TypeVar

import click

from arqonbus.app.access import access_policy
from arqonbus.app.exits import Exit
from arqonbus.cli.access_report import as_json, as_text
from arqonbus.cli.sources import config_option
from arqonbus.config.errors import ConfigError
from arqonbus.config.load import environment, load
from arqonbus.config.shield import AuthSettings
from arqonbus.errors import ArqonBusError
from arqonbus.model.action import Action
from arqonbus.model.address import DEFAULT_TENANT, check_address
from arqonbus.model.principal import Principal
from arqonbus.shield.access.builtin import ClosedPolicy, OpenPolicy
from arqonbus.shield.access.compare import weakened
from arqonbus.shield.access.decide import Explanation, RulePolicy
from arqonbus.shield.access.file import FilePolicy
from arqonbus.shield.access.interface import AccessProblem
from arqonbus.shield.access.parse import read_policy
from arqonbus.shield.interface import AuthError
from arqonbus.shield.tokens import checked_subject, checked_tenant

T = TypeVar("T")
Decider = FilePolicy | RulePolicy | OpenPolicy | ClosedPolicy

_DENIED: Final = 1
_WEAKENED: Final = 1
_FILE: Final = click.Path(path_type=Path)


@click.group()
def access() -> None:
    """Who may do what: ask, check, begin, compare.

    \b
    arqonbus access init policy.toml                 a policy to begin with
    arqonbus access check policy.toml                every problem of it
    arqonbus access explain alice publish lobby:talk may she, and which rule says so?
    arqonbus access diff old.toml new.toml           what does the new one open?
    """  # noqa: D301 - \b is click's mark for a block that is not re-wrapped


@access.command()
@click.argument("subject")
@click.argument("action", metavar="ACTION", type=click.Choice([it.value for it in Action]))
@click.argument("address", metavar="[ROOM:CHANNEL]", required=False)
@click.option("--tenant", default="default", show_default=True, help="The subject's tenant.")
@click.option("--role", "roles", multiple=True, help="A role that the token's claim roles names.")
@click.option("--claim", "claims", multiple=True, metavar="NAME=JSON", help="A claim of the token.")
@click.option("--policy", type=_FILE, metavar="FILE", help="This policy, not the configured one.")
@config_option
@click.option("--json", "json_wanted", is_flag=True, help="One JSON document on standard output.")
def explain(  # noqa: PLR0913, PLR0917 - click passes each option
    subject: str,
    action: str,
    address: str | None,
    tenant: str,
    roles: tuple[str, ...],
    claims: tuple[str, ...],
    policy: Path | None,
    config: Path | None,
    json_wanted: bool,
) -> None:
    """Say who may do what, and which rule decides.

    That is: whether SUBJECT may do ACTION at ROOM:CHANNEL, by which rule, and why by no other.

    ACTION is publish, subscribe, history, presence, create, delete, group, direct or admin; the
    last two are done to no channel. The answer is the one that the bus would give.
    Exits 0 when it is allowed, 1 when it is denied, 78 when the policy or the configuration is
    broken.
    """
    wanted = Action(action)
    room, channel = _address(wanted, address)
    given = _claims(roles, claims)
    decider, auth = _configured(config) if policy is None else (_of_file(policy), AuthSettings())
    principal = _principal(subject, tenant, given, auth)
    found = _explained(decider, principal, (wanted, room, channel))
    render = as_json if json_wanted else as_text
    click.echo(render(found, principal, wanted, address or ""))
    sys.exit(Exit.OK if found.decision.allowed else _DENIED)


@access.command()
@click.argument("file", type=_FILE)
def check(file: Path) -> None:
    """List every problem of the policy in FILE. Exits 78 when there is one."""
    policy = RulePolicy(_read(lambda: read_policy(file)))
    for warning in policy.warnings:
        click.echo(f"arqonbus: warning: {warning}", err=True)
    rules, roles = len(policy.policy.rules), len(policy.policy.roles)
    click.echo(f"sound: {rules} rules, {roles} roles, epoch {policy.epoch}")


@access.command("init")
@click.argument("file", type=_FILE)
def init(file: Path) -> None:
    """Write a policy to begin with into FILE."""
    starter = files("arqonbus.shield.access").joinpath("starter.toml").read_bytes()
    try:
        with file.open("xb") as out:
            out.write(starter)
    except FileExistsError:
        raise click.UsageError(f"{file} exists, and is left as it is") from None
    except OSError as error:
        click.echo(f"arqonbus: {file} cannot be written: {error.strerror}", err=True)
        sys.exit(Exit.IO)
    click.echo(f"{file} written: put in your own names, then set access.policy_file")


@access.command()
@click.argument("old", type=_FILE)
@click.argument("new", type=_FILE)
def diff(old: Path, new: Path) -> None:
    """Name what NEW allows and OLD did not.

    None is overlooked; a rule that is only written in another way may be named too. Exits 1 when
    there is one, 78 when a policy is broken.
    """
    before = _read(lambda: read_policy(old))
    sentences = weakened(before, _read(lambda: read_policy(new)))
    for sentence in sentences:
        click.echo(sentence)
    if sentences:
        sys.exit(_WEAKENED)
    click.echo("nothing more is allowed than before")


def _address(action: Action, address: str | None) -> tuple[str, str]:
    if not action.has_address:
        if address is not None:
            raise click.UsageError(f"{action} is done to no channel: leave ROOM:CHANNEL out")
        return "", ""
    room, colon, channel = (address or "").partition(":")
    if not colon:
        raise click.UsageError(f"{action} is done to a channel: give ROOM:CHANNEL")
    try:
        check_address(DEFAULT_TENANT, room, channel)
    except ArqonBusError as error:
        raise click.UsageError(error.message) from None
    return room, channel


def _claims(roles: tuple[str, ...], given: tuple[str, ...]) -> dict[str, object]:
    claims: dict[str, object] = {"roles": list(roles)} if roles else {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not equals or name in claims:
            raise click.UsageError(f"--claim {text}: give NAME=JSON, each name once")
        try:
            claims[name] = json.loads(value)
        except (ValueError, RecursionError):
            raise click.UsageError(f"--claim {text}: what follows = is not JSON") from None
    return claims


def _principal(
    subject: str, tenant: str, given: dict[str, object], auth: AuthSettings
) -> Principal:
    """Whom a token names that the bus would let in; who it is is among its claims."""
    own: dict[str, object] = {"sub": subject, auth.tenant_claim: tenant}
    for name in sorted(own.keys() & given.keys()):
        raise click.UsageError(f"--claim {name}: it is SUBJECT or --tenant that says it")
    try:
        return Principal(checked_subject(subject), checked_tenant(tenant, "tenant"), given | own)
    except AuthError as error:
        raise click.UsageError(f"the bus lets nobody in who is called so: {error}") from None


def _of_file(file: Path) -> RulePolicy:
    return RulePolicy(_read(lambda: read_policy(file)))


def _configured(config: Path | None) -> tuple[Decider, AuthSettings]:
    try:
        settings = load(config, {}, environment()).settings
    except ConfigError as error:
        _broken("configuration", error.problems)
    return _read(lambda: access_policy(settings)), settings.auth


def _explained(
    policy: Decider, principal: Principal, question: tuple[Action, str, str]
) -> Explanation:
    if isinstance(policy, FilePolicy | RulePolicy):
        return policy.explain(principal, *question)
    return Explanation(policy.decide(principal, *question), (), ())


def _read(read: Callable[[], T]) -> T:
    try:
        return read()
    except AccessProblem as problem:
        _broken("policy", problem.problems)


def _broken(what: str, problems: tuple[str, ...] | list[str]) -> NoReturn:
    for problem in problems:
        click.echo(f"arqonbus: {what}: {' '.join(problem.split())}", err=True)
    sys.exit(Exit.CONFIG)
