"""The gate `docs` on small pages, and on its specimens."""

from __future__ import annotations

import socket
import sys
from contextlib import closing
from pathlib import Path

import pytest
from checks_support import ROOT, make_context, make_project

from checks.docs.blocks import blocks_of
from checks.docs.judge import judge, pages_of
from checks.docs.policy import Demands, Entry, read_demands
from checks.docs.sandbox import (
    Sandbox,
    can_be_alone,
    make_library,
    ports_held,
    require_tools,
)
from checks.gates.docs import DocsGate
from checks.model import CouldNotRun, GateOutput, NotApplicable, NotEvaluated
from checks.policyfile import PolicyError

PAGE = """\
# A page

```sh
export NAME=ada
```

- a list

  ```console
  $ echo "$NAME"
  ada
  ```

~~~text
not run
~~~
"""


def ran(
    tmp_path: Path, page: str, *entries: Entry, limit: float = 60, alone: bool = False
) -> GateOutput:
    project = tmp_path / "project"
    project.mkdir()
    (project / "README.md").write_text(page)
    library = make_library((), tmp_path / "library")
    sandbox = Sandbox(project, Path(sys.executable).parent, library, alone, limit)
    demands = Demands(schema=1, pages=("README.md",), block=entries)
    return judge(project, demands, sandbox, tmp_path / "work")


def test_blocks_are_found_as_readers_see_them() -> None:
    page = f"{PAGE}\n    indented\n\n<pre>\nserve\n</pre>\n"
    seen = [(one.line, one.language) for one in blocks_of("README.md", page)]
    assert seen == [(4, "sh"), (10, "console"), (15, "text"), (18, ""), (20, "")]


def test_a_page_is_one_shell_and_every_block_is_told(tmp_path: Path) -> None:
    output = ran(tmp_path, PAGE)
    assert output.findings == ()
    pages, blocks = output.scopes
    assert pages.scanned == {"README.md"}
    assert blocks.scanned == {"README.md:4", "README.md:10", "README.md:15"}
    assert [tool.exit_code for tool in output.tools] == [0]


def test_what_fails_is_told_with_its_line_and_what_comes_behind_was_not_looked_at(
    tmp_path: Path,
) -> None:
    page = "```sh\necho before\ncat ./gone\n```\n\n```sh\necho behind\n```\n"
    (finding,) = (output := ran(tmp_path, page)).findings
    assert finding.location is not None
    assert (finding.rule, finding.location.line) == ("docs.command-failed", 3)
    assert finding.snippet == "cat ./gone"
    assert "`cat ./gone` exited 1" in finding.message
    assert output.scopes[1].missed == {"README.md:7"}
    assert str(tmp_path) not in repr(output)


def test_a_page_that_waits_in_vain_is_ended(tmp_path: Path) -> None:
    page = "```sh\nuntil test -e never; do sleep 0.01; done\n```\n"
    (finding,) = ran(tmp_path, page, limit=0.2).findings
    assert "did not end within 0.2 s" in finding.message


def test_what_the_policy_runs_before_is_told_apart(tmp_path: Path) -> None:
    entry = Entry("README.md", "echo", before="\n\nfalse")
    (finding,) = ran(tmp_path, "```sh\n\n\necho here\n```\n", entry).findings
    assert "what the policy runs before it failed" in finding.message


def test_a_skipped_block_has_its_reason_in_the_scope(tmp_path: Path) -> None:
    output = ran(tmp_path, "```sh\nfalse\n```\n", Entry("README.md", "false", skip="not here"))
    assert output.findings == ()
    assert output.scopes[1].skipped == {"README.md:2": "not here"}


def test_a_page_that_no_pattern_names_is_missed(tmp_path: Path) -> None:
    for name in ("README.md", "more.md"):
        (tmp_path / name).write_text("# A page\n")
    sandbox = Sandbox(tmp_path, Path(sys.executable).parent, tmp_path, alone=False)
    output = judge(tmp_path, Demands(1, ("README.md",)), sandbox, tmp_path / "work")
    assert output.scopes[0].missed == {"more.md"}
    with pytest.raises(CouldNotRun, match=r"no page is named docs/\*\.md"):
        pages_of(tmp_path, Demands(1, ("docs/*.md",)))


def test_a_page_alone_has_every_port_and_nothing_outside(tmp_path: Path) -> None:
    alone = can_be_alone()  # where the kernel refuses, a port in use is in use for the page, too
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        page = (
            "```python\nimport socket\n"
            f"with socket.create_server(('127.0.0.1', {port})):\n    print('bound')\n"
            "assert [one for _, one in socket.if_nameindex()] == ['lo']\n```\n"
        )
        entry = Entry("README.md", "import", prints=("bound",))
        assert bool(ran(tmp_path, page, entry, alone=alone).findings) is not alone


def test_nothing_of_the_caller_reaches_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASH_ENV", str(tmp_path / "gone"))
    monkeypatch.setenv("CALLER", "here")
    page = '```sh\ntest -z "$CALLER$BASH_ENV" && test "$HOME" = "$PWD"\n```\n'
    assert ran(tmp_path, page).findings == ()


def test_ports_in_use_are_no_answer(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        demands = Demands(1, ("*.md",), ports=(taken.getsockname()[1],))
        with pytest.raises(NotEvaluated, match="in use here"), ports_held(demands, tmp_path):
            pytest.fail("it went on")


def test_what_pages_need_and_is_not_here_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(CouldNotRun, match="lacks: no-such-tool"):
        require_tools(Demands(1, ("*.md",), tools=("no-such-tool",)))
    with pytest.raises(CouldNotRun, match="no package no_such_module"):
        make_library(("no_such_module",), tmp_path / "library")


def test_pages_of_another_project_are_not_run_without_its_own_policy(tmp_path: Path) -> None:
    context = make_context(make_project(tmp_path / "project"), tmp_path / "work", own=False)
    with pytest.raises(NotApplicable, match=r"no policies/docs\.toml"):
        DocsGate().check(context)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("schema = 2\npages = []", "schema must be 1"),
        ("schema = 1", "pages"),
        ("schema = 1\npages = []\nmore = 1", "more"),
        ("schema = 1\npages = []\n[[block]]\npage = 'a'\nbegins = 'b'", "asks for nothing"),
        ("schema = 1\npages = []\n[[block]]\npage = 'a'\nbegins = ' '\nskip = 'w'", "is empty"),
        (
            "schema = 1\npages = []\n[[block]]\npage = 'a'\nbegins = 'b'\nskip = 'w'\nsave = 'c'",
            "skipped needs nothing",
        ),
        (
            "schema = 1\npages = []\n[[block]]\npage = 'a'\nbegins = 'b'\nthen = 'c'",
            "which `save` names",
        ),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "docs.toml"
    file.write_text(text)
    with pytest.raises(PolicyError, match=why):
        read_demands(file)


def test_every_rule_bites_its_specimens_and_leaves_the_good_ones_alone(tmp_path: Path) -> None:
    outcomes = DocsGate().specimens(make_context(ROOT, tmp_path / "work"))
    assert [one.path for one in outcomes if not one.ok] == []
    assert {one.rule for one in outcomes} == set(DocsGate().rules)
