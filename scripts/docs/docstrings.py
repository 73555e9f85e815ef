"""Our docstrings as mkdocstrings reads them; griffe loads this in the docs environment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import griffe

_SEVERAL = re.compile(r"( +)(\w+(?:, \w+)+):( .*)")
_ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):`~?([^`]+)`")


class HouseStyle(griffe.Extension):
    """Takes ``start, end: when`` for two arguments, and shows a Sphinx role as code."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Change the text of a docstring before it is parsed."""
        if obj.docstring:
            text = "\n".join(_one_line_each(obj.docstring.value.splitlines()))
            obj.docstring.value = _ROLE.sub(r"`\1`", text)


def _one_line_each(lines: list[str]) -> Iterator[str]:
    at = 0
    while at < len(lines):
        match = _SEVERAL.fullmatch(lines[at])
        if match is None:
            yield lines[at]
            at += 1
            continue
        indent, names, text = match.groups()
        end = at + 1
        while end < len(lines) and lines[end].startswith(f"{indent} "):
            end += 1
        for name in names.split(", "):
            yield f"{indent}{name}:{text}"
            yield from lines[at + 1 : end]
        at = end
