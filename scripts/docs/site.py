"""Whether the links of a built site lead somewhere: pages, anchors and files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    """The anchors of a page, and where its links and pictures lead."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.feed(file.read_text(encoding="utf-8"))

    def has(self, fragment: str) -> bool:
        """Whether a link may end in this fragment; the empty one is the page itself."""
        return not fragment or fragment in self.anchors

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember what an element is called and where it leads."""
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            elif name in ("href", "src") and value:
                self.links.append(value)


def broken_links(site: Path) -> Iterator[str]:
    """A line for each link that leads to no page, no anchor or no file of the site.

    Args:
        site: The folder that the site was built into. Links to other sites are not followed.
    """
    pages = {file: _Page(file) for file in sorted(site.rglob("*.html")) if file.name != "404.html"}
    for file, page in pages.items():
        for link in sorted(set(page.links)):
            where = urlsplit(link)
            if where.scheme or where.netloc:
                continue
            target = Path(os.path.normpath(file.parent / unquote(where.path)))
            if where.path == "":
                target = file
            elif target.is_dir():
                target /= "index.html"
            name = file.relative_to(site)
            if not target.is_file() or not target.is_relative_to(site):
                yield f"{name}: {link} leads nowhere"
            elif target in pages and not pages[target].has(unquote(where.fragment)):
                yield f"{name}: {link} has no such anchor"
