"""The namespace ``zenml`` of a stack's configuration: what it says, and every mistake in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from pulumi_zenml.errors import InputError, NotSchedulableError, near
from pulumi_zenml.json_types import Json
from pulumi_zenml.lifecycle.spec import WHEN_RUNNING
from pulumi_zenml.orchestrators import get_orchestrator
from pulumi_zenml.zenml.connection import Connection, read_overrides, wrong_url

NAMESPACE = "zenml"
KEYS = ("apiKey", "orchestrators", "project", "serverUrl", "whenRunning")
"""The keys that are read, without the namespace."""


@dataclass(frozen=True)
class Configured:
    """What a stack's configuration says.

    Args:
        connection: what can be used of it.
        mistakes: what cannot, each on its key.
    """

    connection: Connection
    mistakes: tuple[InputError, ...] = ()


def read_configuration(get: Callable[[str], str]) -> Configured:
    """Read the namespace.

    Args:
        get: the text of a key without the namespace; empty where there is none.
    """
    mistakes: list[InputError] = []
    connection = Connection(
        server_url=get("serverUrl"), api_key=get("apiKey"), project=get("project")
    )
    if connection.server_url and (problem := wrong_url(connection.server_url)):
        mistakes.append(InputError(f"{NAMESPACE}:serverUrl", problem))
    word = get("whenRunning")
    if word in ("", *WHEN_RUNNING):
        connection = replace(connection, when_running=word)
    else:
        mistakes.append(
            InputError(
                f"{NAMESPACE}:whenRunning", f"'{word}' is not one of {', '.join(WHEN_RUNNING)}."
            )
        )
    try:
        given = read_overrides(get("orchestrators"), f"{NAMESPACE}:orchestrators")
        connection = replace(connection, orchestrators=given)
    except InputError as error:
        mistakes.append(error)
    return Configured(connection, tuple(mistakes))


def unknown_keys(keys: Iterable[str]) -> Iterator[str]:
    """What to say of each key of the namespace that nothing reads.

    Args:
        keys: every key of the stack's configuration, with its namespace.
    """
    for key in sorted(keys):
        namespace, _, name = key.partition(":")
        if namespace != NAMESPACE or name in KEYS:
            continue
        lower = {it.lower(): it for it in KEYS}
        found = [lower[it] for it in near(name.lower(), lower)]
        meant = f" Is {NAMESPACE}:{found[0]} meant?" if found else ""
        known = ", ".join(f"{NAMESPACE}:{it}" for it in KEYS)
        yield f"{key} is in the stack's configuration, and nothing reads it.{meant} Keys: {known}."


def wrong_overrides(
    orchestrators: Mapping[str, Mapping[str, Json]], components: Mapping[str, str]
) -> Iterator[InputError]:
    """The keys in ``zenml:orchestrators`` that the flavor of their component does not take.

    Args:
        orchestrators: the keys by component name, as configured.
        components: the flavor of each component that ZenML has, by name.
    """
    for name, given in orchestrators.items():
        try:
            cls = get_orchestrator(components[name])
        except (KeyError, NotSchedulableError):
            continue
        for key in given:
            if key in cls.overrides:
                continue
            found = near(key, cls.overrides)
            suggested = f" Near it: {', '.join(found)}." if found else ""
            known = ", ".join(sorted(cls.overrides)) or "none"
            yield InputError(
                f"{NAMESPACE}:orchestrators",
                f"'{name}' has the flavor '{cls.flavor}', which takes no key '{key}'.{suggested} "
                f"Its keys: {known}.",
            )


def unknown_components(
    orchestrators: Mapping[str, Mapping[str, Json]], components: Mapping[str, str]
) -> Iterator[str]:
    """What to say of each component in ``zenml:orchestrators`` that ZenML does not have."""
    for name in orchestrators:
        if name not in components:
            known = ", ".join(sorted(components)) or "none"
            yield (
                f"{NAMESPACE}:orchestrators names '{name}', and ZenML has no orchestrator of that "
                f"name. It has: {known}."
            )
