"""The dynamic provider: Pulumi's verbs, each handed on to :mod:`pulumi_zenml.lifecycle.pair`.

The engine pickles the provider by reference, so the dotted path of :class:`ScheduleProvider`
stands in every state file and must not change.
"""

from __future__ import annotations

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

from pulumi_zenml.schedule.diff import NATIVE, compare_inputs
from pulumi_zenml.schedule.host import Host, plain
from pulumi_zenml.schedule.inputs import check_inputs, to_declared, to_policy


class ScheduleProvider(ResourceProvider):
    """Schedules: a ZenML record and its counterpart as one resource."""

    serialize_as_secret_always = False

    def __init__(self) -> None:
        super().__init__()

    def configure(self, req: ConfigureRequest) -> None:
        """Take the stack's configuration; called once per process, after unpickling."""
        self.host = Host.configured(req.config)

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Find every mistake that can be known; called in previews too."""
        olds, news = plain(_olds), plain(news)
        checked = check_inputs(olds, news, datetime.now(UTC))
        # An unchanged resource was checked against its orchestrator when it was made.
        changed = any(olds.get(key) != value for key, value in checked.inputs.items())
        if changed and not checked.failures:
            self.host.check_flavor(checked)
        failures = [CheckFailure(it.property, it.reason) for it in checked.failures]
        return CheckResult(checked.inputs, failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Say what a change means; called in previews too, so it looks at nothing."""
        changed, replaces = compare_inputs(plain(_olds), plain(_news))
        return DiffResult(
            changes=bool(changed or replaces), replaces=replaces, delete_before_replace=False
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Make the pair."""
        from pulumi_zenml.schedule.outputs import to_outputs

        with self.host.pairs(props) as pairs:
            pair = pairs.create(to_declared(props, self.host.connection))
        assert pair.record
        return CreateResult(pair.record.id, to_outputs(pair, plain(props)))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Say what is really there, on both sides, as inputs and outputs."""
        from pulumi_zenml.schedule.outputs import to_found

        with self.host.pairs(props) as pairs:
            pair = pairs.read(
                id_,
                native_id=props.get("native_id", ""),
                orchestrator_id=props.get("orchestrator_id", ""),
            )
            if pair is None:
                return ReadResult(None, {})
            inputs, outputs = to_found(pair, plain(props), self.host.session(props))
        return ReadResult(id_, outputs, inputs)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Change in place what can be."""
        from pulumi_zenml.schedule.outputs import NOT_INPUTS, to_outputs

        olds, news = plain(_olds), plain(_news)
        changed, _ = compare_inputs(olds, news)
        known = {key: olds[key] for key in NOT_INPUTS if key in olds}
        native = [key for key in changed if key in NATIVE]
        if not native:
            return UpdateResult({**known, **news})
        with self.host.pairs(news) as pairs:
            pair = pairs.at(
                _id,
                native_id=olds.get("native_id", ""),
                orchestrator_id=olds.get("orchestrator_id", ""),
            )
            declared = to_declared(news, self.host.connection)
            pair = pairs.update(pair, declared, pausing_only=native == ["paused"])
        return UpdateResult({**known, **to_outputs(pair, news)})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Delete the counterpart and the record, and look."""
        with self.host.pairs(_props) as pairs:
            pairs.delete(
                _id,
                native_id=_props.get("native_id", ""),
                orchestrator_id=_props.get("orchestrator_id", ""),
                policy=to_policy(_props, self.host.connection),
            )
