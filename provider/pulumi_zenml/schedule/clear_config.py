"""Secrets that stand in clear in a stack's configuration, as the program's process sees it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

import pulumi
from pulumi.runtime.config import get_config, is_config_secret

from pulumi_zenml.zenml.masking import secrets_in, without_login


def warn_of_secrets_in_clear() -> None:
    """Warn of each configuration value that holds a secret and was not set as one."""
    for key in keys_in_clear():
        pulumi.log.warn(
            f"{key} holds a secret in clear: it can be read in the stack's configuration file, and "
            f"Pulumi writes it to its state. 'pulumi config set --secret {key}' encrypts it, in "
            "the state with the next 'pulumi up'. Copies of both may be kept: renew the secret."
        )


def keys_in_clear() -> Iterator[str]:
    """The keys of configuration that hold a secret and were not set with ``--secret``."""
    for name, holds_secret in _HOLDS_SECRET.items():
        key = f"zenml:{name}"
        value = get_config(key)
        if value and not is_config_secret(key) and holds_secret(str(value)):
            yield key


def _orchestrators(text: str) -> bool:
    try:
        return _has_login(text) or any(secrets_in(json.loads(text)))
    except ValueError:
        # What it is instead is said by the provider.
        return False


def _has_login(text: str) -> bool:
    return without_login(text) != text


_HOLDS_SECRET: Mapping[str, Callable[[str], bool]] = {
    "apiKey": bool,
    "orchestrators": _orchestrators,
    "serverUrl": _has_login,
}
