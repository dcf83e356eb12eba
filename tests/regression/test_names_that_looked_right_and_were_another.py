"""Names that no token can have, or was meant for, were taken for those of somebody."""

import json
import unicodedata
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.tokens import SECRET, hand_signed
from unit.arqonbus.shield.access.asking import problems
from unit.arqonbus.shield.test_tokens import reason_of

from arqonbus.cli.main import main
from arqonbus.shield.interface import AuthReason

HEADER = {"alg": "HS256", "typ": "JWT"}
MINT = ("--subject", "ada", "--tenant", "acme", "--expires-in", "12h")
# The bus puts both names into what a rule's `claims` are compared with.
POLICY = """schema = 1
[[rule]]
id = "ada"
effect = "allow"
subjects = ["*"]
actions = ["publish"]
claims = { sub = "ada", org = "acme" }
[[rule]]
id = "rival"
effect = "deny"
subjects = ["*"]
actions = ["publish"]
claims = { org = "rival" }
"""


def ran(*arguments: object, **environ: object) -> Result:
    env = {f"ARQONBUS_{name}": str(value) for name, value in environ.items()}
    return CliRunner().invoke(main, [str(it) for it in arguments], env=env)


@pytest.mark.parametrize("audience", [[], "", {}, None, 0, False])
def test_a_token_for_an_audience_of_nobody_was_for_everybody(audience: object) -> None:
    claims = {"sub": "ada", "tenant": "acme", "exp": 4 * 10**9, "aud": audience}
    assert reason_of(hand_signed(HEADER, claims)) is AuthReason.CLAIMS


def test_a_deny_in_another_normal_form_denied_nobody() -> None:
    rule = '[[rule]]\nid = "out"\neffect = "deny"\nactions = ["*"]\nsubjects = ["{}"]'
    composed = unicodedata.normalize("NFC", "ren\u00e9")
    decomposed = unicodedata.normalize("NFD", composed)
    assert not problems(f"schema = 1\n{rule.format(composed)}")
    assert "Unicode's normal form C" in problems(f"schema = 1\n{rule.format(decomposed)}")


@pytest.mark.parametrize(
    ("subject", "tenant"), [("rene\u0301", "acme"), ("a\u200bda", "acme"), ("ada", "\u0430cme")]
)
def test_explain_allowed_what_no_token_can_ask(tmp_path: Path, subject: str, tenant: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(POLICY.partition("claims")[0])
    ask = ("access", "explain", subject, "publish", "a:b", "--tenant", tenant, "--policy", file)
    result = ran(*ask)
    assert result.exit_code == 2
    assert "lets nobody in" in result.stderr


def test_explain_knew_nothing_of_the_claims_that_say_who_it_is(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(POLICY)
    bus = {"AUTH_SECRET": SECRET, "AUTH_TENANT_CLAIM": "org", "ACCESS_POLICY_FILE": file}
    told = [
        json.loads(
            ran(
                "access", "explain", "ada", "publish", "a:b", "--tenant", it, "--json", **bus
            ).stdout
        )
        for it in ("acme", "rival", "third")
    ]
    assert [it["rule"] for it in told] == ["ada", "rival", "(default)"]
    contrary = ran("access", "explain", "ada", "publish", "a:b", "--claim", 'sub="eve"', **bus)
    assert contrary.exit_code == 2


@pytest.mark.parametrize("token_id", ["", "a\nb", "x" * 257])
def test_a_token_was_made_with_an_id_that_the_bus_refuses(tmp_path: Path, token_id: str) -> None:
    key = tmp_path / "bus.key"
    key.write_text(SECRET)
    result = ran("token", "mint", "--key", key, *MINT, "--id", token_id)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "jti" in result.stderr


@pytest.mark.parametrize("option", ["--issuer", "--audience"])
def test_an_empty_option_was_left_out_of_a_token(tmp_path: Path, option: str) -> None:
    key = tmp_path / "bus.key"
    key.write_text(SECRET)
    result = ran("token", "mint", "--key", key, *MINT, option, "")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"'{option}': is empty" in result.stderr
