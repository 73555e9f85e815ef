"""List filters of Google's APIs, as far as Vertex AI documents them (google.aip.dev/160).

Comparisons of a field with a text, ``:*`` for presence and ``:"a*"`` for a wildcard, joined by
``AND``, ``OR`` (which binds tighter) and ``NOT`` or ``-``, with parentheses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from fnmatch import fnmatchcase

_TOKEN = re.compile(
    r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<sign><=|>=|!=|=|<|>|:)|(?P<round>[()])|'
    r"(?P<word>[^\s()=!<>:\"]+))"
)

Value = str | datetime | None
Test = Callable[[Mapping[str, Value]], bool]


class FilterError(ValueError):
    """The filter makes no sense, or names a field that cannot be filtered by."""


def parse_filter(text: str, fields: Mapping[str, str]) -> Test:
    """What a filter asks of an object.

    Args:
        text: the filter; empty for everything.
        fields: the fields that may be named, each with the signs it takes, for example
            ``{"state": "= !="}``.

    Raises:
        FilterError: with the reason.
    """
    if not text.strip():
        return lambda found: True
    parser = _Parser(_tokens(text), fields)
    test = parser.expression()
    parser.end()
    return test


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise FilterError(f"invalid list filter: syntax error at column {at + 1}")
        tokens.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]], fields: Mapping[str, str]) -> None:
        self._tokens = tokens
        self._fields = fields

    def end(self) -> None:
        if self._tokens:
            raise FilterError(f"invalid list filter: unexpected '{self._tokens[0][1]}'")

    def expression(self) -> Test:
        tests = [self._either()]
        while self._tokens and self._tokens[0] != ("round", ")"):
            self._take_word("AND")
            tests.append(self._either())
        return lambda found: all(test(found) for test in tests)

    def _either(self) -> Test:
        tests = [self._term()]
        while self._take_word("OR"):
            tests.append(self._term())
        return lambda found: any(test(found) for test in tests)

    def _term(self) -> Test:
        if self._take_word("NOT"):
            test = self._simple()
            return lambda found: not test(found)
        if self._tokens and self._tokens[0][0] == "word" and self._tokens[0][1].startswith("-"):
            self._tokens[0] = ("word", self._tokens[0][1][1:])
            test = self._simple()
            return lambda found: not test(found)
        return self._simple()

    def _simple(self) -> Test:
        if self._tokens and self._tokens[0] == ("round", "("):
            self._tokens.pop(0)
            test = self.expression()
            self._expect("round", ")")
            return test
        field = self._expect("word")
        sign = self._expect("sign")
        allowed = self._fields.get("labels" if field.startswith("labels.") else field)
        if allowed is None or sign not in allowed.split():
            raise FilterError(f"invalid list filter: '{field} {sign}' is not supported")
        return _comparison(field, sign, self._value())

    def _value(self) -> str:
        kind, text = self._tokens.pop(0) if self._tokens else ("", "")
        if kind == "text":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind != "word":
            raise FilterError("invalid list filter: a comparison needs a value")
        return text

    def _take_word(self, word: str) -> bool:
        if self._tokens and self._tokens[0] == ("word", word):
            self._tokens.pop(0)
            return True
        return False

    def _expect(self, kind: str, text: str | None = None) -> str:
        found = self._tokens.pop(0) if self._tokens else ("", "")
        if found[0] != kind or text not in (None, found[1]):
            raise FilterError(f"invalid list filter: unexpected '{found[1]}'")
        return found[1]


def _comparison(field: str, sign: str, text: str) -> Test:
    def test(found: Mapping[str, Value]) -> bool:
        value = found.get(field)
        if sign == ":":
            return value is not None and (text == "*" or fnmatchcase(str(value), text))
        if not isinstance(value, datetime):
            return (value == text) == (sign == "=")
        try:
            moment = datetime.fromisoformat(text)
            return {
                "=": value == moment,
                "!=": value != moment,
                "<": value < moment,
                ">": value > moment,
                "<=": value <= moment,
                ">=": value >= moment,
            }[sign]
        except (ValueError, TypeError) as error:
            raise FilterError(f"invalid list filter: '{text}' is not RFC 3339") from error

    return test
