"""A finding names the function around it and shows the line where its statement begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from checks_support import make_context, make_project

from checks.gates.static import StaticGate
from checks.rules import rust
from checks.rules.source import Source, parse

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = """\
import functools

import jwt

HOST = "0.0.0.0"


class Peer:
    SECRET_KEY: str = "arqonbus-dev-secret"

    @functools.lru_cache
    @retry(retry_error_callback=give_up)
    def claims(self, token):
        return jwt.decode(
            token,
            self.key,
            algorithms=["HS256"],
            options={"verify_exp": False},
        )

    async def pump(
        self,
        skip_validation=False,
    ):
        def inner():
            try:
                self.run()
            except (
                OSError,
                Exception,
            ):
                return None

        return inner

    class Inner:
        @property
        def name(self):
            raise NotImplementedError(
                "later",
            )
"""
PLACES = {
    ("static.fixed-bind", 5, "", 'HOST = "0.0.0.0"'),
    ("static.secret-fallback", 9, "Peer", 'SECRET_KEY: str = "arqonbus-dev-secret"'),
    (
        "static.store-durability-off",
        12,
        "Peer.claims",
        "@retry(retry_error_callback=give_up)",
    ),
    ("static.jwt-verification-off", 18, "Peer.claims", 'options={"verify_exp": False},'),
    ("static.validation-toggle", 21, "Peer.pump", "async def pump("),
    ("static.swallowed-exception", 28, "Peer.pump.inner", "except ("),
    ("static.not-implemented", 39, "Peer.Inner.name", "raise NotImplementedError("),
    ("static.rust-fixed-bind", 4, "Server.bind", 'let text = "}"; listen("0.0.0.0:9100")'),
    ("static.rust-secret-fallback", 9, "", 'const JWT_SECRET: &str = "arqonbus-dev-secret";'),
}
RUST = """\
impl<T> Listen for Server<T> {
    // a brace { in a comment
    fn bind<'a>(&self, limit: [u8; 4]) -> Socket {
        let text = "}"; listen("0.0.0.0:9100")
    }

    fn next(&self) {}
}
const JWT_SECRET: &str = "arqonbus-dev-secret";
"""


def test_each_kind_of_rule_names_function_and_line(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    (root / "src/parcel/peer.py").write_text(PYTHON)
    (root / "server/src").mkdir(parents=True)
    (root / "server/Cargo.toml").write_text('[package]\nname = "server"\n')
    (root / "server/src/main.rs").write_text(RUST)
    output = StaticGate().check(make_context(root, tmp_path / "work", own=False))
    found = {
        (one.rule, one.location.line, one.context, one.snippet)
        for one in output.findings
        if one.location
    }
    assert found == PLACES


def test_a_form_feed_ends_no_line(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"x = 1\n\x0c\ny = '\xe2\x80\xa8'\r\nz = 3\n")
    source = parse(tmp_path / "a.py", "a.py")
    assert isinstance(source, Source)
    assert source.line(4) == "z = 3"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (1, "Server"),
        (3, "Server.bind"),
        (4, "Server.bind"),
        (6, "Server"),
        (7, "Server.next"),
        (9, ""),
    ],
)
def test_a_line_of_rust_belongs_to_the_function_around_it(line: int, name: str) -> None:
    assert rust.enclosing(RUST, line) == name


@pytest.mark.parametrize(
    ("source", "line", "name"),
    [
        ("mod a {\n  pub async fn b() {\n    x();\n  }\n}\n", 3, "a.b"),
        ("trait T {\n  fn b(&self);\n  const C: u8 = 1;\n}\n", 3, "T"),
        ("fn a() { r#\"}\"#; /* } */ '}';\n  x();\n}\n", 2, "a"),
        ("fn a() {\n  if x {\n    y();\n  }\n  z();\n}\n", 5, "a"),
        ("fn a(\n  b: u8,\n) {\n  c();\n}\n", 2, "a"),
    ],
)
def test_braces_in_texts_and_declarations_lead_nobody_astray(
    source: str, line: int, name: str
) -> None:
    assert rust.enclosing(source, line) == name
