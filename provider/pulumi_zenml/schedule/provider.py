"""The dynamic providers: Pulumi's verbs, each handed on to :mod:`pulumi_zenml.lifecycle`.

The engine pickles a provider by reference, so the dotted paths of :class:`ScheduleProvider` and
:class:`OwnerProvider` stand in every state file and must not change.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

from pulumi_zenml.errors import InputError, NotFoundError
from pulumi_zenml.identity import new_key
from pulumi_zenml.lifecycle.fields import OUTPUTS
from pulumi_zenml.lifecycle.spec import ScheduleSpec, owner_of, policy_of
from pulumi_zenml.schedule.check import check_inputs
from pulumi_zenml.schedule.configuration import NAMESPACE
from pulumi_zenml.schedule.diff import NATIVE, compare_props
from pulumi_zenml.schedule.host import Host, plain
from pulumi_zenml.schedule.reasons import drift, why
from pulumi_zenml.zenml.errors import ZENML


class ScheduleProvider(ResourceProvider):
    """Schedules: a ZenML record and its counterpart as one resource."""

    serialize_as_secret_always = False

    def __init__(self) -> None:
        super().__init__()

    def configure(self, req: ConfigureRequest) -> None:
        """Take the stack's configuration; called once per process, after unpickling."""
        self.host = _host(req)

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Find every mistake that can be known; called in previews too."""
        olds, news = plain(_olds), plain(news)
        if self.host.mistakes:
            return CheckResult(news, _failures(self.host.mistakes))
        with self.host.errors():
            self.host.declare(news)
            checked = check_inputs(olds, news, datetime.now(UTC))
            if taken := self.host.claim_name(checked.inputs):
                checked.failures.append(taken)
            # An unchanged resource was checked against its orchestrator when it was made.
            changed = any(olds.get(key) != value for key, value in checked.inputs.items())
            if changed and not checked.failures:
                self.host.check_flavor(checked, olds)
        return CheckResult(checked.inputs, _failures(checked.failures))

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Say what a change means; called in previews too."""
        olds, news = plain(_olds), plain(_news)
        with self.host.errors():
            self.host.note_state(news, _id)
            left = self.host.unfinished(olds)
            found = compare_props(olds, news, left)
            if reason := why(olds, news, found, left):
                self.host.say(reason, news)
        return DiffResult(
            changes=bool(found.changed or found.replaces),
            replaces=found.replaces,
            delete_before_replace=False,
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Make the pair."""
        from pulumi_zenml.schedule.outputs import to_outputs

        with self.host.pairs(props) as pairs:
            spec = ScheduleSpec.from_props(props, when_running=self.host.when_running)
            pair = pairs.create(spec, in_state=self.host.in_state(props))
        assert pair.record
        return CreateResult(pair.record.id, to_outputs(pair, plain(props)))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Say what is really there, on both sides, as inputs and outputs."""
        from pulumi_zenml.schedule.outputs import to_found

        with self.host.pairs(props, of_state=True) as pairs:
            pair = pairs.read(
                id_,
                owner=owner_of(props),
                native_id=props.get("native_id") or "",
                orchestrator_id=props.get("orchestrator_id") or "",
                snapshot_id=props.get("submitted_snapshot_id") or "",
            )
            if pair is None:
                if "stack" not in props:
                    raise NotFoundError(ZENML, f"there is no schedule with the id '{id_}'.")
                return ReadResult(None, {})
            session = self.host.session(props.get("project") or "")
            inputs, outputs = to_found(pair, plain(props), session)
            if "stack" in props:
                found = drift(pair, plain(props), inputs, str(outputs["state"]))
                if found:
                    self.host.say(f"not as it was: {'; '.join(found)}.", props)
        return ReadResult(id_, outputs, inputs)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Change in place what can be."""
        from pulumi_zenml.schedule.outputs import to_outputs

        olds, news = plain(_olds), plain(_news)
        known = {key: olds[key] for key in OUTPUTS if key in olds}
        with self.host.pairs(news) as pairs:
            changed = compare_props(olds, news, self.host.unfinished(olds)).changed
            native = [key for key in changed if key in NATIVE]
            if not native:
                return UpdateResult({**known, **news})
            pair = pairs.at(
                _id,
                native_id=_olds.get("native_id") or "",
                orchestrator_id=_olds.get("orchestrator_id") or "",
                owner=owner_of(olds),
            )
            spec = ScheduleSpec.from_props(news, when_running=self.host.when_running)
            pair = pairs.update(pair, spec, pausing_only=native == ["paused"])
        return UpdateResult({**known, **to_outputs(pair, news)})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Delete everything of this resource, and read both sides."""
        from pulumi_zenml.schedule.outputs import say_where

        with self.host.one_by_one(_props), self.host.pairs(_props, of_state=True) as pairs:
            pairs.delete(
                _id,
                owner=owner_of(_props),
                native_id=_props.get("native_id") or "",
                orchestrator_id=_props.get("orchestrator_id") or "",
                described=say_where(_props),
                snapshot_id=_props.get("submitted_snapshot_id") or "",
                everything=not self.host.is_declared(_props),
                policy=policy_of(_props, self.host.when_running),
            )


class OwnerProvider(ResourceProvider):
    """The stack's ownership key: in the state before any schedule is made, gone after the last."""

    serialize_as_secret_always = False

    def __init__(self) -> None:
        super().__init__()

    def configure(self, req: ConfigureRequest) -> None:
        """Take the stack's configuration; called once per process, after unpickling."""
        self.host = _host(req)

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Find every mistake in the configuration, once for all schedules."""
        return CheckResult(plain(news), _failures(self.host.mistakes))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Make a key."""
        key = new_key()
        return CreateResult(key, {**plain(props), "key": key})

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Changed where an interrupted update left something in the middle of something."""
        with self.host.errors():
            left = bool(self.host.unfinished_of_stack(_id))
        return DiffResult(changes=left, replaces=[], delete_before_replace=False)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Remove what an interrupted update left half-made or half-deleted."""
        with self.host.errors():
            self.host.delete_stack(_id, unfinished_only=True)
        return UpdateResult({**plain(_news), "key": _id})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """The key is what the state says."""
        outputs = {**plain(props), "key": id_}
        return ReadResult(id_, outputs, {key: it for key, it in outputs.items() if key != "key"})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Remove whatever this stack still has in ZenML and the orchestrators."""
        with self.host.errors(of_state=True):
            self.host.delete_stack(_id)


def _failures(mistakes: Iterable[InputError]) -> list[CheckFailure]:
    """Mistakes as the engine shows them: on a property, or with their key of configuration."""
    return [
        CheckFailure("", f"{it.property}: {it.reason}")
        if it.property.startswith(f"{NAMESPACE}:")
        else CheckFailure(it.property, it.reason)
        for it in mistakes
    ]


_HOST: list[Host] = []


def _host(req: ConfigureRequest) -> Host:
    """The one host of a process, which Pulumi configures once; it asks for one at a time."""
    if not _HOST:
        _HOST.append(Host.configured(req.config))
    return _HOST[0]
