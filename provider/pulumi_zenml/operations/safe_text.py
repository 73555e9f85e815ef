"""Text from other systems, made safe to show."""

from __future__ import annotations

import unicodedata


def safe(value: object) -> str:
    """Text that cannot affect a terminal or the text around it.

    Control characters, terminal escapes, and the marks that reorder or hide text are shown as
    escapes; line ends too, so that it stays one line.
    """
    return "".join(_visible(char) for char in str(value))


def _visible(char: str) -> str:
    # Cc control, Cf format (bidirectional marks, zero width), Cs surrogate, Zl and Zp line ends.
    if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return char.encode("unicode_escape").decode("ascii")
    return char
