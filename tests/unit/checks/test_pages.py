from __future__ import annotations

from pathlib import Path

from checks.pages import anchors, missing_targets

PAGE = """\
# The `first` page: it's here

[one](#the-first-page-its-here) [two](other.md#b) [three](https://x.org/y)

```sh
# not a title
[four](none.md)
```

[five](none.md) [six](#not-a-title) [seven](other.md#c) [eight](other.md)
"""


def test_links_and_anchors(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    (tmp_path / "other.md").write_text("## B\n")
    assert anchors(page) == {"the-first-page-its-here"}
    assert list(missing_targets(page)) == [
        (10, "none.md"),
        (10, "#not-a-title"),
        (10, "other.md#c"),
    ]
