"""Reading cron whose unrestricted day field is ``?``: EventBridge and Quartz."""

from __future__ import annotations

from collections.abc import Sequence

from pulumi_zenml.cadence.cron import parse_cron
from pulumi_zenml.cadence.dialects.support import unreadable
from pulumi_zenml.cadence.fields import FIELDS, Syntax, parse_field
from pulumi_zenml.cadence.spelling import from_sets, unix_text
from pulumi_zenml.errors import InputError


def read_question_fields(words: Sequence[str], syntax: Syntax, title: str, text: str) -> str:
    """The neutral cron for minute, hour, day, month and weekday, one day field being ``?``.

    Args:
        words: the five fields as they were found.
        syntax: what the system accepts in a field.
        title: the system's name.
        text: the whole expression, for errors.

    Raises:
        CannotExpressError: on ``cron``, when the neutral cron cannot express it.
    """
    if (words[2] == "?") == (words[4] == "?"):
        raise unreadable(title, text, "exactly one of the two day fields must be `?`")
    if "?" in words[0] + words[1] + words[3]:
        raise unreadable(title, text, "`?` is for a day field only")
    try:
        values = [
            parse_field(word.upper(), spec, syntax).values
            for word, spec in zip(words, FIELDS, strict=True)
        ]
        neutral = unix_text(from_sets(*values))
        parse_cron(neutral)
    except InputError as error:
        raise unreadable(title, text, error.reason) from None
    return neutral
