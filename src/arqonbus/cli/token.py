"""`arqonbus token`: make tokens and secrets, look at tokens, and ask what the bus would say."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final, TypeVar, get_args

import click
import msgspec
from prometheus_client import CollectorRegistry

from arqonbus.app.exits import Exit
from arqonbus.cli.sources import read, report, source_options
from arqonbus.config.shield import Algorithm, AuthSettings
from arqonbus.model.principal import Principal
from arqonbus.shield.algorithms import KeyProblem, VerificationKey
from arqonbus.shield.form import MAX_TOKEN_CHARS, read_form
from arqonbus.shield.interface import AuthError
from arqonbus.shield.jwks import KeySetError
from arqonbus.shield.keys import KEY_ID
from arqonbus.shield.minting import read_signing_key
from arqonbus.shield.ring import KeyRing
from arqonbus.shield.tokens import (
    TokenAuthenticator,
    checked_name,
    checked_subject,
    checked_tenant,
)
from arqonbus.telemetry import logs
from arqonbus.telemetry.metrics import Metrics

T = TypeVar("T")

_REFUSED: Final = 1
_SECRET_BYTES: Final = 64
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MAX_DIGITS: Final = 9
_MAX_SECONDS: Final = 3660 * 86_400
_DATES: Final = ("iat", "nbf", "exp")
_REGISTERED: Final = frozenset({"sub", "jti", "iss", "aud", "roles", *_DATES})

_file = click.argument("file", type=click.File("rb"))
_as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


def duration(text: str) -> int:
    """Whole seconds, at least one and fewer than ten years."""
    number, unit = (text[:-1], text[-1:]) if text[-1:] in _UNITS else (text, "s")
    if number.isascii() and number.isdigit() and len(number) <= _MAX_DIGITS:
        seconds = int(number) * _UNITS[unit]
        if 0 < seconds <= _MAX_SECONDS:
            return seconds
    raise click.BadParameter("give seconds, or a number with s, m, h or d, such as 12h")


def given(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """What is there at all: an empty text is a variable that was not set."""
    if value == "":
        raise click.BadParameter("is empty")
    return value


@click.group()
def token() -> None:
    """Make, look at and verify tokens, and make secrets.

    Tokens are read from FILE or, with -, from standard input: an argument could be seen by every
    user of the machine.

    \b
    arqonbus token secret bus.secret
    arqonbus token mint --key bus.secret --subject ada --tenant acme --expires-in 12h >ada.token
    arqonbus token inspect ada.token
    arqonbus token verify ada.token --config bus.toml
    """  # noqa: D301 - \b is click's mark for a block that is not re-wrapped


@token.command()
@click.argument("file", type=click.Path(path_type=Path))
def secret(file: Path) -> None:
    """Write a new secret into FILE.

    It is strong enough for every HS algorithm, and the file is for its owner only.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise click.UsageError(f"{file} exists; a secret is never replaced") from None
    except OSError as error:
        click.echo(f"arqonbus: {file} cannot be written: {error.strerror}", err=True)
        sys.exit(Exit.IO)
    with open(descriptor, "w", encoding="ascii") as out:  # noqa: PTH123 - the descriptor has the mode
        out.write(secrets.token_urlsafe(_SECRET_BYTES) + "\n")
    click.echo(f"{file} holds a new secret: whoever can read it can be anyone.", err=True)


@token.command()
@click.option(
    "--key",
    required=True,
    type=click.Path(path_type=Path),
    help="File with the secret, or with a private key in PEM.",
)
@click.option("--algorithm", type=click.Choice(get_args(Algorithm)), help="What signs.")
@click.option("--kid", help="The key's id; for a key file of the bus its name without the ending.")
@click.option("--subject", required=True, help="Whom the token names (`sub`).")
@click.option("--tenant", required=True, help="The subject's tenant.")
@click.option("--tenant-claim", default="tenant", show_default=True, help="As auth.tenant_claim.")
@click.option(
    "--expires-in",
    required=True,
    type=duration,
    metavar="TIME",
    help="Such as 900, 15m, 12h or 30d.",
)
@click.option("--role", "roles", multiple=True, help="A role (`roles`); may be given again.")
@click.option("--claim", "claims", multiple=True, metavar="NAME=JSON", help="Another claim.")
@click.option("--id", "jti", help="The token's id (`jti`); a new one when not given.")
@click.option("--issuer", "iss", callback=given, help="As auth.issuer (`iss`).")
@click.option("--audience", "aud", callback=given, help="As auth.audience (`aud`).")
def mint(  # noqa: PLR0913, PLR0917 - click passes each option
    key: Path,
    algorithm: Algorithm | None,
    kid: str | None,
    subject: str,
    tenant: str,
    tenant_claim: str,
    expires_in: int,
    claims: tuple[str, ...],
    **optional: object,
) -> None:
    """Sign a token and print it.

    \b
    arqonbus token mint --key bus.secret --subject ada --tenant acme --expires-in 12h \\
        --role editor --claim 'department="ops"' >ada.token

    The signature is made with HS256 for a secret, RS256 for an RSA key, and what fits the curve
    for others, unless --algorithm says otherwise.
    """  # noqa: D301 - \b is click's mark for a block that is not re-wrapped
    if kid is not None and not KEY_ID.fullmatch(kid):
        raise click.UsageError("--kid: 1–128 of A-Z a-z 0-9 . _ ~ : / + = @ - are allowed")
    now = int(time.time())
    content: dict[str, object] = {
        "sub": subject,
        "iat": now,
        "exp": now + expires_in,
        "jti": uuid.uuid4().hex,
    }
    content |= {name: value for name, value in optional.items() if value not in {None, ()}}
    _add(content, "--tenant-claim", tenant_claim, tenant)
    for text in claims:
        _add(content, "--claim", *_claim(text))
    try:
        checked_subject(subject)
        checked_tenant(tenant, "tenant")
        checked_name(content["jti"], "jti")
        signed = read_signing_key(key, algorithm).sign(content, kid)
    except AuthError as error:
        raise click.UsageError(error.message) from None
    except KeyProblem as problem:
        click.echo(f"arqonbus: {problem}", err=True)
        sys.exit(Exit.CONFIG)
    click.echo(signed)
    click.echo(
        f"This token is a secret: until {_shown_date(content['exp'])} whoever has it is "
        f"{subject} of tenant {tenant}.",
        err=True,
    )


def _add(content: dict[str, object], option: str, name: str, value: object) -> None:
    if name in content or name in _REGISTERED:
        raise click.UsageError(f"{option} {name}: there is an option of its own for it")
    content[name] = value


def _claim(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    with contextlib.suppress(msgspec.DecodeError):
        if name and equals:
            return name, msgspec.json.decode(value)
    raise click.UsageError(f"--claim {name}: give NAME=JSON, such as level=3 or team='\"red\"'")


@token.command()
@_file
@_as_json
def inspect(file: IO[bytes], as_json: bool) -> None:
    """Show what a token says, without verifying any of it. Exits 1 if it is no token."""
    form = _told(lambda: read_form(_read(file)), as_json=as_json)
    document = {"verified": False, "header": form.header, "claims": form.claims}
    if as_json:
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo(_table("header", form.header) + "\n" + _table("claims", form.claims))
    click.echo("NOT VERIFIED: anyone can write this. `arqonbus token verify` verifies.", err=True)


@token.command()
@_file
@source_options
@_as_json
def verify(file: IO[bytes], config: Path | None, as_json: bool, **flags: object) -> None:
    """Verify a token with the bus's settings.

    Says what the bus would say to it, with the settings that `serve` would use, unless it was
    revoked: that is in the store of the running bus, which is not asked.

    Exits 0 if it lets the token's bearer in, 1 if not, 69 if the JWK Set can't be had, 78 if the
    configuration has problems.
    """
    loaded, found = read(config, flags)
    if loaded is None or found:
        report(found)
        sys.exit(Exit.CONFIG)
    auth = loaded.settings.auth
    if auth.mode == "none":
        click.echo("arqonbus: auth.mode is none: the bus looks at no token", err=True)
        sys.exit(Exit.CONFIG)
    logs.configure(loaded.settings.log)
    presented = _read(file)
    principal, key = _told(lambda: asyncio.run(_identified(presented, auth)), as_json=as_json)
    document = _document(principal, key)
    click.echo(json.dumps(document, indent=2) if as_json else _table("verified", document))


async def _identified(presented: str, auth: AuthSettings) -> tuple[Principal, VerificationKey]:
    keys = KeyRing(auth, Metrics(CollectorRegistry()))
    try:
        await keys.open()
        return TokenAuthenticator(keys, auth).identify(presented)
    except KeySetError as error:
        click.echo(f"arqonbus: the JWK Set can't be had: {error}", err=True)
        sys.exit(Exit.UNAVAILABLE)
    finally:
        await keys.close()


def _document(principal: Principal, key: VerificationKey) -> dict[str, object]:
    return {
        "verified": True,
        "algorithm": key.algorithm,
        "key": key.id,
        "subject": principal.subject,
        "tenant": principal.tenant,
        "claims": dict(principal.claims),
    }


def _told(work: Callable[[], T], *, as_json: bool) -> T:
    try:
        return work()
    except AuthError as error:
        if as_json:
            refusal = {"verified": False, "reason": error.reason.value, "message": error.message}
            click.echo(json.dumps(refusal, indent=2))
        click.echo(f"REFUSED ({error.reason}): {error.message}", err=True)
        sys.exit(_REFUSED)


def _read(file: IO[bytes]) -> str:
    return file.read(MAX_TOKEN_CHARS + 2).decode("ascii", errors="replace").strip()


def _table(title: str, content: Mapping[str, object]) -> str:
    rows = [f"{title}:"]
    for name, value in content.items():
        date = f"  ({_shown_date(value)})" if name in _DATES else ""
        rows.append(f"  {json.dumps(name)[1:-1]}: {json.dumps(value)}{date}")
    return "\n".join(rows)


def _shown_date(value: object) -> str:
    try:
        if isinstance(value, (int, float)):
            return datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds")
    except (OverflowError, OSError, ValueError):
        pass
    return "no date"
