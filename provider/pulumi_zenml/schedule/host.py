"""What one provider process shares: the configuration, the connection, and what it says."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from pulumi_zenml.errors import (
    InputError,
    InternalError,
    NotFoundError,
    NotSchedulableError,
    PulumiZenmlError,
    RunInProgressError,
    ServiceError,
    ThrottledError,
    UnreachableError,
)
from pulumi_zenml.identity import MarkedName
from pulumi_zenml.lifecycle.spec import WHEN_RUNNING, ScheduleSpec, owner_of, policy_of
from pulumi_zenml.orchestrators import get_orchestrator, missing_extra
from pulumi_zenml.schedule.check import Checked, is_unknown
from pulumi_zenml.schedule.configuration import (
    NAMESPACE,
    read_configuration,
    unknown_components,
    wrong_overrides,
)
from pulumi_zenml.schedule.engine_log import EngineLog, Severity
from pulumi_zenml.zenml import trace
from pulumi_zenml.zenml.cache import Cache
from pulumi_zenml.zenml.connection import Connection
from pulumi_zenml.zenml.masking import masked
from pulumi_zenml.zenml.unfinished import list_unfinished

if TYPE_CHECKING:
    from pulumi.dynamic import Config
    from zenml.client import Client

    from pulumi_zenml.lifecycle.pairs import Pairs
    from pulumi_zenml.lifecycle.ports import Zenml

_CHARACTERS_OF_OWN_TEXT = 2000
_CONFIGURED = re.compile(rf"\b{NAMESPACE}:|Pulumi config")
_OF_LAST_UP = (
    "'pulumi refresh', 'pulumi destroy' and an update that removes the last schedule use the "
    "configuration of the last 'pulumi up'. After a change of it run 'pulumi refresh "
    "--run-program' first, with a program that still declares a schedule."
)
_MADE_HERE = "If this program makes it, pass an output of the resource that does."

Props = Mapping[str, object]
Value = TypeVar("Value")


class Host:
    """One per provider process; its sessions are shared by the engine's four threads.

    Args:
        connection: where ZenML is, and what Pulumi config says of runs in progress, which has the
            last word.
        log: where to tell the user something.
        mistakes: what is wrong in the configuration; every call then raises the first.
    """

    def __init__(
        self,
        connection: Connection,
        log: EngineLog | None = None,
        mistakes: Sequence[InputError] = (),
    ) -> None:
        self.connection = connection
        self.mistakes = mistakes
        self.when_running = next((it for it in WHEN_RUNNING if it == connection.when_running), None)
        self._log = log or EngineLog()
        self._clients: Cache[str, Client] = Cache()
        self._sessions: Cache[str, Zenml] = Cache()
        self._unfinished: Cache[tuple[str, str], dict[str, MarkedName] | None] = Cache()
        self._lock = threading.Lock()
        self._declared: set[tuple[str, str]] = set()
        self._names: dict[tuple[str, str], str] = {}
        self._in_state: dict[tuple[str, str], str] = {}
        self._handled = threading.local()
        self._one_by_one: Cache[tuple[str, str], threading.Lock] = Cache()

    @staticmethod
    def configured(config: Config) -> Host:
        """From Pulumi configuration, namespace ``zenml``; mistakes in it are raised by each call.

        Pulumi shows what this raises with its trace.
        """

        def get(key: str) -> str:
            value = config.get(f"{NAMESPACE}:{key}")
            return "" if value is None else str(value)

        # The engine shows our errors; gRPC's server would log each a second time.
        logging.getLogger("grpc._server").addFilter(_is_unexpected)
        found = read_configuration(get)
        trace.start_trace(found.connection.secrets())
        return Host(found.connection, EngineLog.of_this_process(), found.mistakes)

    # --- what the engine has told of a resource ---------------------------------------------

    def declare(self, props: Props) -> None:
        """Remember that the program has this resource."""
        with self._lock:
            self._declared.add(owner_of(props).identity)

    def is_declared(self, props: Props) -> bool:
        """Whether the program has the resource with these properties, as far as the engine said."""
        with self._lock:
            return owner_of(props).identity in self._declared

    def claim_name(self, props: Props) -> InputError | None:
        """Remember a schedule's name; what is wrong when another resource has it."""
        name = props.get("name")
        if not isinstance(name, str) or is_unknown(name) or is_unknown(props.get("project")):
            return None
        mine = owner_of(props).label
        key = (str(props.get("project") or self.connection.project), name)
        with self._lock:
            holder = self._names.setdefault(key, mine)
        if holder == mine:
            return None
        return InputError(
            "name",
            f"'{holder.rpartition('/')[2]}' of this program has the name '{name}' too. ZenML takes "
            "a schedule's name once: give one of the two another.",
        )

    def note_state(self, props: Props, id: str) -> None:
        """Remember the id that the state has for a resource."""
        with self._lock:
            self._in_state[owner_of(props).identity] = id

    def in_state(self, props: Props) -> str:
        """The id that the state has for a resource; empty when the engine did not say."""
        with self._lock:
            return self._in_state.get(owner_of(props).identity, "")

    def one_by_one(self, props: Props) -> threading.Lock:
        """For what removes things of one resource.

        After an interrupted replace the engine deletes the pair and the one it replaced at once,
        and each call removes all that the resource has.
        """
        return self._one_by_one.get(owner_of(props).identity, threading.Lock)

    def unfinished(self, props: Props) -> dict[str, MarkedName]:
        """What an interrupted update left of this very resource, by record id."""
        owner = owner_of(props)
        found = self.unfinished_of_stack(owner.key, str(props.get("project") or ""))
        return {id: name for id, name in found.items() if name.belongs_to(owner)}

    def unfinished_of_stack(self, key: str, project: str = "") -> dict[str, MarkedName]:
        """What an interrupted update left of a whole stack, by record id; asked once."""
        project = project or self.connection.project
        found = self._unfinished.get(
            (key, project), lambda: list_unfinished(self.connection, project, key)
        )
        return found or {}

    # --- sessions ---------------------------------------------------------------------------

    def session(self, project: str = "") -> Zenml:
        """The session of a ZenML project; the configured one by default."""
        return self._sessions.get(project, lambda: self.open_session(project))

    def open_session(self, project: str) -> Zenml:
        """A new session of a ZenML project; empty for the configured one."""
        from pulumi_zenml.lifecycle.session import Session

        return Session(self.connection, project, self.warn, self._client)

    @contextlib.contextmanager
    def pairs(self, props: Props, *, of_state: bool = False) -> Iterator[Pairs]:
        """The lifecycle for a resource's project; errors leave without a stack trace.

        Args:
            props: the resource's properties.
            of_state: as for :meth:`errors`.

        Raises:
            PulumiZenmlError: as the block raised it; any other error as an InternalError.
        """
        from pulumi_zenml.lifecycle.pairs import Pairs

        # The engine's call is handled by this thread from here on.
        self._handled.urn = str(props.get("urn") or "")
        try:
            with self.errors(of_state=of_state):
                yield Pairs(self.session(str(props.get("project") or "")))
        finally:
            self._handled.urn = ""

    @contextlib.contextmanager
    def errors(self, *, of_state: bool = False) -> Iterator[None]:
        """Let errors leave as one line for the user; their trace goes to the log file, if any.

        Args:
            of_state: the engine may have taken resource and configuration from the state, as it
                does for a refresh and a destroy.
        """
        try:
            if self.mistakes:
                raise self.mistakes[0]
            yield
        except Exception as error:
            trace.trace(error)
            if isinstance(error, PulumiZenmlError):
                shown: PulumiZenmlError = error
            else:
                text = f"{type(error).__name__}: {error}"[:_CHARACTERS_OF_OWN_TEXT]
                shown = InternalError(
                    f"pulumi-zenml failed where it should not: {text}. {trace.hint()}"
                )
            shown.args = (masked(str(shown.args[0]), self.connection.secrets()),)
            if of_state and isinstance(shown, ServiceError) and _CONFIGURED.search(str(shown)):
                shown.also(_OF_LAST_UP)
            # Pulumi's dynamic host shows the whole traceback of what a provider raises.
            sys.tracebacklimit = 0
            shown.__cause__ = None
            shown.__suppress_context__ = True
            raise shown from None

    def delete_stack(self, key: str, *, unfinished_only: bool = False) -> None:
        """Delete what the resources of a stack left, in every project of the server.

        Args:
            key: the stack's ownership key.
            unfinished_only: only what was being created or deleted when that was interrupted, in
                the configured project.
        """
        from pulumi_zenml.lifecycle.pairs import Pairs

        if not self.connection.is_configured():
            return
        policy = policy_of({}, self.when_running)
        here = self.session()
        if unfinished_only:
            try:
                Pairs(here).delete_stack(key, policy=policy, unfinished_only=True)
            except RunInProgressError as error:
                self.warn(f"left for now: {error}")
            return
        for session in (here, *map(self.session, here.other_projects())):
            Pairs(session).delete_stack(key, policy=policy)

    def say(self, text: str, props: Props) -> None:
        """Tell the user something about a resource."""
        self._send("info", text, str(props.get("urn") or ""))

    def warn(self, text: str) -> None:
        """Tell the user what they must know although nothing failed."""
        self._send("warning", text, getattr(self._handled, "urn", ""))

    def _send(self, severity: Severity, text: str, urn: str = "") -> None:
        self._log.send(severity, masked(text, self.connection.secrets()), urn)

    def _client(self) -> Client:
        return self._clients.get("", self.connection.client)

    # --- previews ---------------------------------------------------------------------------

    def check_flavor(self, checked: Checked, olds: Props) -> None:
        """Check what depends on the orchestrator, as far as it can be known now."""
        inputs = checked.inputs
        if checked.cadence is None or is_unknown(inputs.get("stack")):
            return
        given = inputs.get("flavor")
        flavor = self._look(checked, olds) or given
        if not isinstance(flavor, str) or is_unknown(flavor):
            return
        if isinstance(given, str) and not is_unknown(given) and given != flavor:
            checked.failures.append(
                InputError(
                    "flavor",
                    f"the orchestrator of stack '{inputs['stack']}' has the flavor '{flavor}', not "
                    f"'{given}'. Leave flavor out, or write flavor=\"{flavor}\".",
                )
            )
        try:
            orchestrator = get_orchestrator(flavor)
        except NotSchedulableError as error:
            checked.failures.append(error)
            return
        if missing := missing_extra(flavor):
            checked.failures.append(InputError("stack", missing))
        spec = ScheduleSpec.from_props(_known(inputs), cadence=checked.cadence)
        spec = replace(spec, orchestrator_settings=_known(spec.orchestrator_settings))
        problems = orchestrator.check(spec.wanted())
        checked.failures += problems
        if not problems:
            for note in orchestrator.dialect().write(checked.cadence).notes:
                self.say(f"'{spec.name}' on {flavor}: {note}", inputs)

    def _look(self, checked: Checked, olds: Props) -> str | None:
        """Look at ZenML where it can be reached: the stack, the name's holder, the snapshot."""
        if not self.connection.is_configured():
            self._not_looked("no server is configured")
            return None
        inputs = checked.inputs
        try:
            session = self.session(str(inputs.get("project") or ""))
            flavor = session.flavor(str(inputs["stack"]))
            self._check_name(checked, olds, session)
            self._check_snapshot(checked, session)
            self._check_overrides(checked, session)
            return flavor
        except (UnreachableError, ThrottledError) as error:
            self._not_looked(str(error))
        except ServiceError as error:
            if error.property:
                checked.failures.append(InputError(error.property, error.reason))
            else:
                self._not_looked(str(error))
        return None

    def _check_snapshot(self, checked: Checked, session: Zenml) -> None:
        from pulumi_zenml.lifecycle.pair import foreign_build

        inputs = checked.inputs
        snapshot = inputs.get("snapshot")
        if not isinstance(snapshot, str) or is_unknown(snapshot):
            return
        # By id each is read once, however many schedules run it.
        try:
            source = session.source(session.snapshot_id(snapshot) or snapshot)
        except NotFoundError as error:
            reason = f"{error.reason} {_MADE_HERE}"
            checked.failures.append(InputError("snapshot", reason))
            return
        if warning := foreign_build(source, session.stack_ref(str(inputs["stack"]))):
            self._send("warning", warning, str(inputs.get("urn") or ""))

    def _check_overrides(self, checked: Checked, session: Zenml) -> None:
        given = self.connection.orchestrators
        if not given:
            return
        components = session.components()
        checked.failures += wrong_overrides(given, components)
        for text in unknown_components(given, components):
            self._send("warning", text)

    def _check_name(self, checked: Checked, olds: Props, session: Zenml) -> None:
        from pulumi_zenml.lifecycle.pair import ownership_problem

        inputs = checked.inputs
        if is_unknown(inputs["name"]):
            return
        holder = session.records.named(str(inputs["name"]))
        # Under the name that it had before, too.
        mine = (owner_of(inputs), owner_of(olds))
        if holder is None or holder.id == self.in_state(inputs):
            return
        if not any(holder.belongs_to(it) for it in mine):
            adopt = inputs.get("adopt", False)
            problem = ownership_problem(holder, adopt if isinstance(adopt, bool | str) else False)
            if problem:
                checked.failures.append(InputError("name", problem))

    def _not_looked(self, why: str) -> None:
        self._send(
            "info",
            f"checked without looking at ZenML ({why}): stacks, snapshots, names and what an "
            "orchestrator can do are checked when a schedule is created. With flavor=... the last "
            "is checked now.",
        )


def _is_unexpected(record: logging.LogRecord) -> bool:
    raised = record.exc_info[1] if record.exc_info else None
    return not isinstance(raised, PulumiZenmlError)


def plain(props: Mapping[str, object]) -> dict[str, object]:
    """Properties without the pickled provider."""
    return {key: value for key, value in props.items() if key != "__provider"}


def _known(values: Mapping[str, Value]) -> dict[str, Value]:
    return {key: value for key, value in values.items() if not is_unknown(value)}
