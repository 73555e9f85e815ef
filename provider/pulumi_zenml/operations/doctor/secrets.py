"""Removing secrets from what is shown."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pulumi_zenml.operations.doctor.check import Check
from pulumi_zenml.zenml.connection import Connection

_NAMES = re.compile(r"password|passphrase|secret|token|api_?key|cookie|credential", re.IGNORECASE)
_IN_URL = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_SHORTEST = 4
_VARIABLES = ("ZENML_STORE_API_KEY", "ZENML_STORE_PASSWORD")


def without_secrets(checks: Sequence[Check], connection: Connection) -> list[Check]:
    """The checks, with every secret of the connection and every login in a URL masked.

    An SDK may quote its arguments in an error.
    """
    known = {connection.api_key, *(os.environ.get(name, "") for name in _VARIABLES)}
    known |= set(_of(connection.orchestrators, named=False))
    longest_first = sorted((it for it in known if len(it) >= _SHORTEST), key=len, reverse=True)

    def clean(text: str) -> str:
        for secret in longest_first:
            text = text.replace(secret, "***")
        return _IN_URL.sub("***", text)

    return [replace(it, detail=clean(it.detail), remedy=clean(it.remedy)) for it in checks]


def _of(value: object, *, named: bool) -> Iterator[str]:
    """The values under a key whose name suggests a secret."""
    if isinstance(value, str):
        if named:
            yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _of(inner, named=named or bool(_NAMES.search(str(key))))
    elif isinstance(value, Sequence):
        for inner in value:
            yield from _of(inner, named=named)
