"""A link of the built site that leads nowhere is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.docs.site import broken_links


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ("other/", None),
        ("other/#there", None),
        ("#here", None),
        ("#", None),
        ("picture.png", None),
        ("https://example.com/nowhere", None),
        ("other/#nowhere", "no such anchor"),
        ("#nowhere", "no such anchor"),
        ("none/", "leads nowhere"),
        ("picture.gif", "leads nowhere"),
        ("../README.md", "leads nowhere"),
    ],
)
def test_link(tmp_path: Path, link: str, problem: str | None) -> None:
    site = tmp_path / "site"
    (site / "other").mkdir(parents=True)
    (tmp_path / "README.md").touch()
    (site / "picture.png").touch()
    (site / "index.html").write_text(f'<h1 id="here">Here</h1><a href="{link}">link</a>')
    (site / "other" / "index.html").write_text(
        '<h1 id="there">There</h1><img src="../picture.png">'
    )
    found = list(broken_links(site))
    if problem is None:
        assert found == []
    else:
        assert found == [f"index.html: {link} {'has ' if 'anchor' in problem else ''}{problem}"]
