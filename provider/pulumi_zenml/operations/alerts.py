"""Sending what changed since the last audit, through apprise or ZenML's own alerter.

A target's URL holds tokens and passwords, so it is a secret: errors call a target by its number
and its kind, and nothing of a URL is written to a file.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pulumi_zenml.errors import InputError, PulumiZenmlError, RefusedError, ServiceError
from pulumi_zenml.lifecycle.session import Session
from pulumi_zenml.operations.audit_state import state_folder, write_private, zenml_key
from pulumi_zenml.operations.findings import AuditResult, Finding
from pulumi_zenml.operations.inventory import Scope, Unreachable
from pulumi_zenml.operations.options import AuditOptions
from pulumi_zenml.zenml.connection import Connection
from pulumi_zenml.zenml.errors import zenml_errors
from pulumi_zenml.zenml.quiet import quiet

ZENML = "zenml:"
"""``zenml:STACK`` is the alerter of that ZenML stack."""

_LINES = 20
_VERSION = 1
_SERVICE = "alert"

Send = Callable[[str, str], None]
"""Takes a title and a body; raises a PulumiZenmlError."""


@dataclass(frozen=True)
class AuditDelta:
    """What an audit found that the last one did not, and the other way round.

    Args:
        new: findings, the worst first.
        gone: what was found before and is not found now, in words.
        unreachable: what could be read before and cannot be read now.
    """

    new: tuple[Finding, ...] = ()
    gone: tuple[str, ...] = ()
    unreachable: tuple[Unreachable, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.new or self.gone or self.unreachable)

    @property
    def title(self) -> str:
        """One line."""
        counts = [
            f"{len(values)} {what}"
            for values, what in (
                (self.new, "new"),
                (self.unreachable, "unreachable"),
                (self.gone, "no longer found"),
            )
            if values
        ]
        return f"ZenML schedules: {', '.join(counts) or 'nothing new'}"

    @property
    def body(self) -> str:
        """A line for each, as plain text."""
        lines = [
            *(f"{it.severity}: {_where(it)}: {it.message} Fix: {it.fix}" for it in self.new),
            *(f"unknown: {it.kind} '{it.name}': {it.reason}" for it in self.unreachable),
            *(f"no longer found: {it}" for it in self.gone),
        ]
        if len(lines) > _LINES:
            lines[_LINES:] = [f"... and {len(lines) - _LINES} more: 'pulumi-zenml audit'."]
        # Some services refuse an empty text.
        return "\n".join(" ".join(line.split()) for line in lines) or "Nothing is wrong."


class AlertState:
    """What was alerted, in one file for each ZenML and set of filters."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @staticmethod
    def of(connection: Connection, scope: Scope, options: AuditOptions) -> AlertState:
        """The state of one ZenML and one set of filters.

        Jobs with different filters do not report each other's findings as new.
        """
        looks = {**asdict(scope), "only": sorted(options.only), "ignore": sorted(options.ignore)}
        choice = hashlib.sha256(json.dumps(looks, sort_keys=True).encode()).hexdigest()[:12]
        return AlertState(state_folder() / f"alerts-{zenml_key(connection)}-{choice}.json")

    def change(self, result: AuditResult) -> AuditDelta:
        """What is new in ``result`` and what is no longer found.

        What could not be read is not counted as no longer found. What could not be delivered is
        still new, even if it is no longer found.
        """
        before, undelivered = self._load()
        now = _names(result)
        kept = tuple(it for it in undelivered if _key(it) not in now)
        new = tuple(it for it in result.findings if _key(it) not in before)
        lost = tuple(it for it in result.unreachable if _lost(it) not in before)
        blind = bool(result.unreachable)
        gone = () if blind else tuple(name for key, name in before.items() if key not in now)
        return AuditDelta((*kept, *new), gone, lost)

    def remember(self, result: AuditResult, undelivered: Sequence[Finding] = ()) -> None:
        """Record ``result`` as alerted, except for what was not delivered."""
        before, _ = self._load()
        alerted = {**before, **_names(result)} if result.unreachable else _names(result)
        for it in undelivered:
            alerted.pop(_key(it), None)
        kept = [asdict(it) for it in undelivered]
        text = json.dumps(
            {"version": _VERSION, "alerted": alerted, "undelivered": kept}, default=str
        )
        write_private(self.path, text)

    def _load(self) -> tuple[dict[str, str], list[Finding]]:
        try:
            loaded = json.loads(self.path.read_text())
            if loaded["version"] != _VERSION:
                return {}, []
            alerted = {str(key): str(name) for key, name in loaded["alerted"].items()}
            return alerted, [Finding(**it) for it in loaded["undelivered"]]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}, []


def send_alerts(
    result: AuditResult, state: AlertState, targets: Mapping[str, Send], *, always: bool = False
) -> list[str]:
    """Send what changed to every target; returns the failed deliveries, and why.

    Args:
        result: what was found.
        state: what was alerted before; updated. What one target did not receive is sent to all
            of them again.
        targets: of :func:`open_alert_targets`.
        always: send everything that is found, changed or not.
    """
    change = state.change(result)
    if always:
        change = replace(change, new=result.findings, unreachable=result.unreachable)
    problems = []
    if change or always:
        for name, send in targets.items():
            try:
                send(change.title, change.body)
            except PulumiZenmlError as error:
                problems.append(f"{name} was not delivered: {error}")
    state.remember(result, change.new if problems else ())
    return problems


def open_alert_targets(connection: Connection, urls: Sequence[str]) -> dict[str, Send]:
    """The alert targets, by the name that errors use for them.

    Args:
        connection: where ZenML is, for its alerters.
        urls: apprise's (https://github.com/caronc/apprise/wiki), or ``zenml:STACK``.

    Raises:
        InputError: one is not a URL that apprise knows, or the stack has no alerter.
    """
    targets: dict[str, Send] = {}
    for number, url in enumerate(urls, 1):
        name = f"alert {number} ({url.partition(':')[0]})"
        opened = _alerter(connection, url) if url.startswith(ZENML) else _apprise(url, number)
        targets[name] = opened
    return targets


def _apprise(url: str, number: int) -> Send:
    try:
        import apprise
    except ImportError as error:
        raise InputError(
            "--alert", "it needs apprise: pip install 'pulumi-zenml[alerts]'."
        ) from error
    # Its log quotes the URL.
    logging.getLogger("apprise").disabled = True
    target = apprise.Apprise.instantiate(url)
    if target is None:
        raise InputError(
            "--alert",
            f"the {_nth(number)} is not a URL that apprise {apprise.__version__} takes (it is "
            "not shown, as it may be a secret). See https://github.com/caronc/apprise/wiki, or "
            "try it with 'apprise --body test URL'.",
        )

    def send(title: str, body: str) -> None:
        made = apprise.Apprise()
        made.add(target)
        if not made.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT):
            raise ServiceError(
                _SERVICE,
                "it was refused or could not be reached. Try it with 'apprise --body test URL'.",
            )

    return send


def _alerter(connection: Connection, url: str) -> Send:
    from zenml.alerter.base_alerter import BaseAlerter
    from zenml.enums import StackComponentType
    from zenml.stack import StackComponent

    name = url.removeprefix(ZENML)
    session = Session(connection)
    found = session.stack(name).components.get(StackComponentType.ALERTER, [])
    if not found:
        raise InputError(
            "--alert",
            f"stack '{name}' has no alerter. Register one with 'zenml alerter register' and "
            f"'zenml stack update {name} --alerter NAME'.",
        )
    with zenml_errors(f"load the alerter of stack '{name}'"), quiet():
        alerter = StackComponent.from_model(found[0].get_hydrated_version())
    assert isinstance(alerter, BaseAlerter)

    def send(title: str, body: str) -> None:
        try:
            with quiet():
                posted = alerter.post(f"{title}\n{body}")
        # An alerter calls a vendor's client, which may raise anything.
        except Exception as error:
            raise ServiceError(_SERVICE, f"{type(error).__name__} in ZenML's alerter.") from error
        if not posted:
            raise RefusedError(
                _SERVICE, f"ZenML's alerter '{found[0].name}' reports that it did not post."
            )

    return send


def _names(result: AuditResult) -> dict[str, str]:
    found = {_key(it): f"{it.code} {_where(it)}" for it in result.findings}
    lost = {_lost(it): f"unreachable {it.kind} '{it.name}'" for it in result.unreachable}
    return {**found, **lost}


def _key(finding: Finding) -> str:
    return json.dumps(finding.identity)


def _lost(it: Unreachable) -> str:
    return json.dumps(["unreachable", it.kind, it.name])


def _where(finding: Finding) -> str:
    return " ".join(_parts(finding))


def _parts(finding: Finding) -> Iterator[str]:
    yield finding.schedule or finding.native_id or finding.code
    if finding.stack:
        yield f"on {finding.stack}"


def _nth(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")
