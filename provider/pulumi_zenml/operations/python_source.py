"""Python source from values, formatted as by `ruff format`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_INDENT = "    "
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def call(function: str, positional: Sequence[Any], named: Mapping[str, Any]) -> str:
    """A call, one argument a line.

    Args:
        function: what to call; trusted text.
        positional, named: values as JSON has them; the names are trusted, the values are not.
    """
    lines = [literal(it, 1) for it in positional]
    lines += [f"{key}={literal(value, 1)}" for key, value in named.items()]
    body = "".join(f"{_INDENT}{line},\n" for line in lines)
    return f"{function}(\n{body})\n"


def literal(value: Any, depth: int = 0) -> str:
    """A value as a Python literal.

    Args:
        value: as JSON has it.
        depth: the indentation of its line.

    Raises:
        TypeError: JSON has no such type.
    """
    if isinstance(value, str):
        return quoted(value)
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, Mapping):
        items = [f"{quoted(str(key))}: {literal(it, depth + 1)}" for key, it in value.items()]
        return _lines("{", items, "}", depth)
    if isinstance(value, Sequence):
        return _lines("[", [literal(it, depth + 1) for it in value], "]", depth)
    raise TypeError(f"{type(value).__name__} cannot be written into a program")


def quoted(text: str) -> str:
    """A string literal on one line; invisible characters are escaped."""
    # As ruff has it: double quotes, unless single ones need fewer escapes.
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + "".join(_escaped(char, quote) for char in text) + quote


def _escaped(char: str, quote: str) -> str:
    if char == quote:
        return f"\\{char}"
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _lines(begin: str, items: Sequence[str], end: str, depth: int) -> str:
    if not items:
        return begin + end
    inner = "".join(f"{_INDENT * (depth + 1)}{it},\n" for it in items)
    return f"{begin}\n{inner}{_INDENT * depth}{end}"
