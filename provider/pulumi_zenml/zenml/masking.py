"""Text without the secrets that are known: keys, passwords, and logins in URLs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

SIGN_IN_VARIABLES = ("ZENML_STORE_API_KEY", "ZENML_STORE_API_TOKEN", "ZENML_STORE_PASSWORD")
"""The environment variables with which ZenML's client signs in (zenml 0.98 rest_zen_store)."""

MASK = "[secret]"

_NAMES = re.compile(
    r"pass(word|wd|phrase)|secret|token|cookie|credential|authorization"
    r"|(api|access|account|private|ssh)_?key",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")
# Shorter ones may be part of a text by chance.
_SHORTEST = 4


def secrets_of_environment() -> list[str]:
    """What signs in to ZenML, as far as the environment says."""
    return [it for it in (os.environ.get(name, "") for name in SIGN_IN_VARIABLES) if it]


def secrets_in(value: object, *, named: bool = False) -> Iterator[str]:
    """The texts under a key whose name suggests a secret, at any depth.

    Args:
        value: JSON.
        named: whether the key that led here suggests one.
    """
    if isinstance(value, str):
        if named:
            yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from secrets_in(inner, named=named or bool(_NAMES.search(str(key))))
    elif isinstance(value, Sequence):
        for inner in value:
            yield from secrets_in(inner, named=named)


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """Text without secrets, those of the environment included, and without logins in URLs.

    Args:
        text: what is to be shown or written.
        secrets: what else must not be in it.
    """
    known = {it for it in (*secrets, *secrets_of_environment()) if len(it) >= _SHORTEST}
    # A secret may be a part of another one.
    for secret in sorted(known, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return without_login(text, MASK)


def without_login(text: str, instead: str = "") -> str:
    """Text whose URLs have no user name and password.

    Args:
        text: a URL, or text with URLs in it.
        instead: what stands in their place.
    """
    return _LOGIN.sub(f"{instead}@" if instead else "", text)
