"""The conformance suite: what every orchestrator must do.

Give a test module four fixtures and subclass :class:`Conformance`::

    @pytest.fixture(scope="module")
    def bench(): ...            # a Bench of yours, ready to use
    @pytest.fixture(scope="module")
    def stack(): ...            # the name that bench.register() was called with
    @pytest.fixture(scope="module")
    def connection(): ...       # a Connection; its orchestrators have bench.overrides()
    @pytest.fixture(scope="module")
    def snapshot(): ...         # 'pipeline:snapshot' made for that stack

    class TestMine(Conformance):
        pass

Every test leaves the orchestrator as it found it. An orchestrator without a ZenML server brings
its own ZenML by overriding :meth:`Conformance.host`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock
from uuid import uuid4

import pytest

from pulumi_zenml.cadence import Cadence, make_cadence
from pulumi_zenml.errors import (
    CannotExpressError,
    InputError,
    PermissionDeniedError,
    PulumiZenmlError,
    ServiceError,
    ThrottledError,
    UnauthenticatedError,
    UnreachableError,
)
from pulumi_zenml.json_types import Json
from pulumi_zenml.operations.doctor import Check, probe_orchestrator
from pulumi_zenml.orchestrators import get_orchestrator
from pulumi_zenml.orchestrators.base import Orchestrator
from pulumi_zenml.orchestrators.capabilities import Gap, Yes
from pulumi_zenml.orchestrators.counterpart import Wanted
from pulumi_zenml.schedule.host import Host
from pulumi_zenml.testing.bench import Bench, Fault
from pulumi_zenml.testing.driver import Driver
from pulumi_zenml.zenml.connection import Connection

EXPECTED: Mapping[str, type[ServiceError]] = {
    "unauthenticated": UnauthenticatedError,
    "denied": PermissionDeniedError,
    "throttled": ThrottledError,
    "server-error": ServiceError,
    "timeout": UnreachableError,
    "refused": UnreachableError,
}
"""The error that the user must get for each fault of a bench."""

PROBED: frozenset[Fault] = frozenset({"unauthenticated", "denied", "refused"})
"""The faults that a probe must report."""

HOSTILE = (
    "a\"b'c;$(touch hacked)`d`",
    "name with  spaces",
    "ünïcode-名前",
    "../../etc/passwd",
    "-rf",
)

HostMaker = Callable[[Connection], Host]
"""What makes the :class:`~pulumi_zenml.schedule.host.Host` of a provider process."""

NEXT_YEAR = datetime(datetime.now(UTC).year + 1, 6, 1, 9, 30, tzinfo=UTC)


class Conformance:
    """The suite. See the module's docstring for how to use it."""

    @pytest.fixture
    def arguments(self, bench: Bench, stack: str, snapshot: str) -> dict[str, Any]:
        """The arguments of every schedule of the suite."""
        given: dict[str, Any] = {"stack": stack, "snapshot": snapshot}
        given["when_running"] = "ignore"
        if bench.settings:
            given["orchestrator_settings"] = dict(bench.settings)
        return given

    @pytest.fixture
    def host(self) -> HostMaker:
        """What makes the part that a provider process shares, and with it its sessions."""
        return Host

    @pytest.fixture
    def driver(self, bench: Bench, connection: Connection, host: HostMaker) -> Iterator[Driver]:
        """One resource; it is destroyed afterwards in any case."""
        before = bench.native_ids()
        made = Driver(connection, f"suite/suite/test/r{secrets.token_hex(4)}", host=host)
        yield made
        made.destroy()
        assert bench.native_ids() == before

    @pytest.fixture
    def orchestrator(self, connection: Connection, host: HostMaker, stack: str) -> Orchestrator:
        """The orchestrator under test."""
        return host(connection).session().orchestrator(stack)

    @pytest.fixture
    def cadence(self, bench: Bench) -> Cadence:
        """The first cadence of the bench."""
        return bench.cadences()[0]

    @pytest.fixture
    def given(self, arguments: dict[str, Any], cadence: Cadence) -> dict[str, Any]:
        """The inputs of a resource with the first cadence."""
        return {**arguments, **_as_inputs(cadence)}

    def other(self, bench: Bench) -> dict[str, object]:
        """A cadence that differs from the first."""
        return {**_as_inputs(bench.cadences()[0]), "cron": "17 4 * * *"}

    # --- without faults ----------------------------------------------------------------------

    def test_every_kind_of_cadence_is_made_read_back_and_destroyed(
        self, bench: Bench, connection: Connection, host: HostMaker, arguments: dict[str, Any]
    ) -> None:
        """Create, refresh, unchanged, destroy, for each cadence of the bench."""
        before = bench.native_ids()
        stack = f"suite/suite/{secrets.token_hex(4)}/"
        for number, cadence in enumerate(bench.cadences()):
            driver = Driver(connection, f"{stack}kind{number}", host=host)
            given = {**arguments, **_as_inputs(cadence)}
            assert driver.up(**given) == "create"
            assert bench.native_ids() - before == {driver.outputs["native_id"]}
            assert driver.refresh() == set(), cadence
            assert driver.up(**given) == "same"
            driver.destroy()
            assert bench.native_ids() == before
        session = host(connection).session()
        assert not [it for it in session.records.all() if it.marker.owner.startswith(stack)]

    def test_every_kind_is_covered(self, bench: Bench) -> None:
        """The bench has a cadence for each kind that the flavor supports."""
        can = get_orchestrator(bench.flavor).capabilities
        kinds = {"cron": can.cron, "interval": can.interval, "once": can.run_once}
        claimed = {kind for kind, ability in kinds.items() if isinstance(ability, Yes)}
        shown = {it.kind for it in bench.cadences()}
        assert shown == claimed

    def test_paused_from_the_start_then_resumed_and_paused(
        self, driver: Driver, given: dict[str, Any]
    ) -> None:
        """Pausing and resuming change both sides in place."""
        driver.up(**given, paused=True)
        native_id = driver.outputs["native_id"]
        for paused in (False, True):
            assert driver.up(**given, paused=paused) == "update"
            assert driver.outputs["state"] == ("paused" if paused else "active")
            assert driver.refresh() == set()
            assert driver.outputs["native_id"] == native_id

    def test_replace_leaves_one_pair(
        self, bench: Bench, driver: Driver, given: dict[str, Any]
    ) -> None:
        """A changed cadence makes a new pair and removes the old, under one name."""
        before = bench.native_ids()
        name = f"suite-replaced-{secrets.token_hex(4)}"
        driver.up(**given, name=name)
        old = driver.outputs["native_id"]
        assert driver.up(**{**given, **self.other(bench)}, name=name) == "replace"
        assert bench.native_ids() - before == {driver.outputs["native_id"]}
        assert driver.outputs["native_id"] != old
        assert driver.refresh() == set()

    def test_listing_shows_each_with_its_snapshot(
        self,
        connection: Connection,
        host: HostMaker,
        orchestrator: Orchestrator,
        given: dict[str, Any],
    ) -> None:
        """A listing returns the same as reading one by one."""
        drivers = [
            Driver(connection, f"suite/suite/test/l{n}-{secrets.token_hex(4)}", host=host)
            for n in range(3)
        ]
        try:
            for driver in drivers:
                driver.up(**given)
            listed = {it.native_id: it for it in orchestrator.list_all()}
            for driver in drivers:
                native_id = driver.outputs["native_id"]
                assert listed[native_id] == orchestrator.read(native_id)
                assert listed[native_id].snapshot_id == driver.outputs["submitted_snapshot_id"]
        finally:
            for driver in drivers:
                driver.destroy()

    def test_history(
        self,
        bench: Bench,
        driver: Driver,
        orchestrator: Orchestrator,
        given: dict[str, Any],
    ) -> None:
        """Runs are listed newest first, in the shared vocabulary."""
        driver.up(**given)
        native_id = driver.outputs["native_id"]
        if isinstance(orchestrator.capabilities.run_history, Gap):
            assert list(orchestrator.runs(native_id)) == []
            return
        ids = [bench.add_run(native_id) for _ in range(2)]
        found = orchestrator.runs(native_id)
        assert {it.run_id for it in found} >= set(ids)
        assert len(orchestrator.runs(native_id, limit=1)) == 1
        starts = [it.started for it in found if it.started]
        assert starts == sorted(starts, reverse=True)

    # --- changed by hand ---------------------------------------------------------------------

    def test_cadence_edited_by_hand(
        self, bench: Bench, driver: Driver, given: dict[str, Any]
    ) -> None:
        """A refresh shows it; the next up repairs it."""
        driver.up(**given)
        bench.edit_cadence(driver.outputs["native_id"])
        assert "native_cadence" in driver.refresh()
        assert driver.up(**given) == "replace"
        assert driver.refresh() == set()

    def test_paused_by_hand(self, bench: Bench, driver: Driver, given: dict[str, Any]) -> None:
        """A refresh shows it; the next up resumes it in place."""
        driver.up(**given)
        bench.edit_paused(driver.outputs["native_id"], True)
        assert driver.refresh() >= {"paused", "state"}
        assert driver.up(**given) == "update"
        assert driver.refresh() == set()

    def test_counterpart_deleted_by_hand(
        self, bench: Bench, driver: Driver, given: dict[str, Any]
    ) -> None:
        """Half a pair is reported, and replaced by a complete one."""
        before = bench.native_ids()
        driver.up(**given)
        bench.remove(driver.outputs["native_id"])
        driver.refresh()
        assert driver.outputs["state"] == "record without counterpart"
        assert driver.up(**given) == "replace"
        assert bench.native_ids() - before == {driver.outputs["native_id"]}

    def test_record_deleted_by_hand(
        self,
        bench: Bench,
        driver: Driver,
        connection: Connection,
        host: HostMaker,
        given: dict[str, Any],
    ) -> None:
        """The orphan does not survive the next up."""
        before = bench.native_ids()
        driver.up(**given)
        session = host(connection).session()
        record = session.records.get(driver.outputs["record_id"])
        assert record
        session.records.delete(record)
        driver.refresh()
        assert driver.outputs["state"] == "counterpart without record"
        assert driver.up(**given) == "replace"
        assert bench.native_ids() - before == {driver.outputs["native_id"]}

    def test_delete_of_what_is_gone(
        self, bench: Bench, driver: Driver, given: dict[str, Any]
    ) -> None:
        """Already deleted is success."""
        driver.up(**given)
        bench.remove(driver.outputs["native_id"])
        driver.destroy()

    # --- when things go wrong ----------------------------------------------------------------

    @pytest.mark.parametrize("step", ["verify", "submission", "locate", "shape", "read"])
    def test_a_failed_replace_leaves_the_old_pair(
        self,
        bench: Bench,
        driver: Driver,
        given: dict[str, Any],
        step: str,
    ) -> None:
        """Whichever step fails, the old pair continues under its own name, and only it is left."""
        name = f"suite-kept-{secrets.token_hex(4)}"
        driver.up(**given, name=name)
        native = bench.native_ids()
        cls = get_orchestrator(bench.flavor)
        failing = _fails_once(getattr(cls, step), ServiceError(bench.flavor, f"no {step}"))
        with mock.patch.object(cls, step, failing), pytest.raises(PulumiZenmlError, match=step):
            driver.up(**{**given, **self.other(bench)}, name=name)
        assert bench.native_ids() == native
        assert driver.refresh() == set()
        assert driver.up(**given, name=name) == "same"

    def test_faults_are_told_apart_and_lose_nothing(
        self,
        bench: Bench,
        driver: Driver,
        orchestrator: Orchestrator,
        given: dict[str, Any],
        cadence: Cadence,
    ) -> None:
        """Each fault at each call is the right error; afterwards nothing has changed."""
        driver.up(**given)
        native_id = driver.outputs["native_id"]
        calls = _calls(orchestrator, native_id, _wanted(cadence))
        texts = {"state": f"{driver.inputs} {driver.outputs}"}
        wrong = []
        for kind in bench.faults:
            if kind == "not-found":
                continue
            with bench.fault(kind):
                raised = _raised({name: calls[name] for name in calls.keys() - bench.offline})
            for name, error in raised.items():
                texts[f"{name}, {kind}"] = f"{type(error).__name__}: {error}"
                if not isinstance(error, EXPECTED[kind]):
                    wrong.append(f"{name}, {kind}: {type(error).__name__}: {error}")
        assert wrong == []
        shown = [it for it in texts.values() if any(secret in it for secret in bench.credentials)]
        assert shown == []
        assert driver.refresh() == set()

    def test_probes_tell_health_from_faults(
        self,
        bench: Bench,
        driver: Driver,
        orchestrator: Orchestrator,
        given: dict[str, Any],
    ) -> None:
        """Without a fault no probe fails; under a fault one does, with the remedy."""
        driver.up(**given)
        before = bench.native_ids()
        assert _failures(probe_orchestrator(orchestrator)) == []
        for kind in PROBED & set(bench.faults):
            with bench.fault(kind):
                found = probe_orchestrator(orchestrator)
            assert _failures(found), kind
            assert [it for it in _failures(found) if not it.remedy] == []
            if kind == "refused":
                assert [it for it in found if it.result == "skipped"]
        assert _failures(probe_orchestrator(orchestrator)) == []
        assert bench.native_ids() == before
        assert driver.refresh() == set()

    def test_hostile_names_are_refused_or_harmless(
        self,
        bench: Bench,
        connection: Connection,
        host: HostMaker,
        given: dict[str, Any],
    ) -> None:
        """A name that the system accepts is read back unchanged; any other is refused by check."""
        before = bench.native_ids()
        for hostile in HOSTILE:
            # Names are taken on the whole ZenML server, which others may use.
            name = f"{hostile}{secrets.token_hex(4)}"
            driver = Driver(connection, f"suite/suite/test/h{secrets.token_hex(4)}", host=host)
            try:
                driver.up(**given, name=name)
            except InputError as error:
                assert error.property == "name"
                continue
            assert driver.refresh() == set()
            assert driver.outputs["name"] == name
            driver.destroy()
        assert bench.native_ids() == before

    # --- capabilities --------------------------------------------------------------

    def test_gaps_are_refused_and_are_gaps(self, bench: Bench) -> None:
        """Every gap among the inputs is refused by check with its reason."""
        cls = get_orchestrator(bench.flavor)
        can = cls.capabilities
        later = NEXT_YEAR + timedelta(days=30)
        asked: dict[str, tuple[Any, dict[str, Any]]] = {
            "interval": (can.interval, {"interval": timedelta(days=1), "start_time": NEXT_YEAR}),
            "run_once_at": (can.run_once, {"run_once_at": NEXT_YEAR}),
            "start_time": (can.start_time, {"cron": "0 3 * * *", "start_time": NEXT_YEAR}),
            "end_time": (can.end_time, {"cron": "0 3 * * *", "end_time": later}),
            "catchup": (can.catchup, {"cron": "0 3 * * *", "catchup": True}),
        }
        for property, (ability, arguments) in asked.items():
            if not isinstance(ability, Gap):
                continue
            wanted = Wanted("n", "p/s/r", make_cadence(**arguments, now=None))
            refused = [it for it in cls.check(wanted) if it.property == property]
            assert refused, property
            assert ability.reason in refused[0].reason

    def test_unknown_settings_are_refused(self, bench: Bench, cadence: Cadence) -> None:
        """A setting that the flavor does not have is refused by name."""
        cls = get_orchestrator(bench.flavor)
        wanted = _wanted(cadence, settings={"no_such_setting": 1})
        assert [it for it in cls.check(wanted) if "no_such_setting" in it.reason]

    def test_trigger_is_there_or_refused(
        self,
        driver: Driver,
        orchestrator: Orchestrator,
        given: dict[str, Any],
    ) -> None:
        """A run can be started now, or the error says why not."""
        driver.up(**given)
        native_id = driver.outputs["native_id"]
        if isinstance(orchestrator.capabilities.trigger, Gap):
            with pytest.raises(CannotExpressError, match="trigger"):
                orchestrator.trigger(native_id)
            return
        run_id = orchestrator.trigger(native_id)
        assert run_id in {it.run_id for it in orchestrator.runs(native_id)}


def _as_inputs(cadence: Cadence) -> dict[str, Json]:
    """A cadence as a resource's inputs: those that differ from their defaults."""
    inputs: dict[str, Json] = {}
    for field in fields(cadence):
        value = getattr(cadence, field.name)
        if value == field.default:
            continue
        if isinstance(value, datetime):
            value = value.isoformat()
        elif isinstance(value, timedelta):
            value = value.total_seconds()
        inputs[field.name] = value
    return inputs


def _wanted(cadence: Cadence, settings: Mapping[str, Json] | None = None) -> Wanted:
    return Wanted("suite", "suite/suite/test/wanted", cadence, settings=settings or {})


def _calls(
    orchestrator: Orchestrator, native_id: str, wanted: Wanted
) -> dict[str, Callable[[], object]]:
    """The calls of an orchestrator, by method."""
    can = orchestrator.capabilities
    found = orchestrator.read(native_id)
    assert found
    changed = replace(wanted, paused=isinstance(can.pause, Yes))
    calls: dict[str, Callable[[], object]] = {
        "verify": lambda: orchestrator.verify(wanted),
        "locate": lambda: orchestrator.locate(str(uuid4()), {}),
        "shape": lambda: orchestrator.shape(found, changed),
        "read": lambda: orchestrator.read(native_id),
        "list_all": lambda: list(orchestrator.list_all()),
        "set_paused": lambda: orchestrator.set_paused(native_id, True),
        "delete": lambda: orchestrator.delete(native_id),
    }
    if isinstance(can.run_history, Yes):
        calls["runs"] = lambda: orchestrator.runs(native_id)
    if isinstance(can.trigger, Yes):
        calls["trigger"] = lambda: orchestrator.trigger(native_id)
    return calls


def _raised(calls: Mapping[str, Callable[[], object]]) -> dict[str, BaseException | None]:
    """What each call raises; ``None`` where it succeeds. An orchestrator serves many threads."""
    with ThreadPoolExecutor(len(calls)) as pool:
        doing = {name: pool.submit(call) for name, call in calls.items()}
        return {name: it.exception() for name, it in doing.items()}


def _failures(checks: Sequence[Check]) -> list[Check]:
    return [it for it in checks if it.result == "failed"]


def _fails_once(method: Callable[..., object], error: Exception) -> Callable[..., object]:
    """``method``, but its first call raises; undoing must still be able to call it."""
    failed = False

    def first_fails(*arguments: Any, **named: Any) -> object:
        nonlocal failed
        if not failed:
            failed = True
            raise error
        return method(*arguments, **named)

    return first_fails
