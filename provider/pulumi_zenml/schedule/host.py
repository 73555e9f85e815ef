"""What one provider process shares: the configuration, the connection, and what it says."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pulumi_zenml.errors import InputError, NotFoundError, NotSchedulableError, PulumiZenmlError
from pulumi_zenml.orchestrators import get_orchestrator
from pulumi_zenml.orchestrators.counterpart import Wanted
from pulumi_zenml.schedule.inputs import WHEN_RUNNING, Checked, is_unknown
from pulumi_zenml.zenml.connection import Connection

if TYPE_CHECKING:
    from pulumi.dynamic import Config

    from pulumi_zenml.lifecycle.pairs import Pairs
    from pulumi_zenml.lifecycle.session import Session

NAMESPACE = "zenml"


class Host:
    """One per provider process; its sessions are shared by the engine's four threads."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()
        self._said: set[str] = set()

    @staticmethod
    def configured(config: Config) -> Host:
        """From Pulumi configuration, namespace ``zenml``.

        Raises:
            InputError: a key cannot be read.
        """

        def get(key: str) -> str:
            value = config.get(f"{NAMESPACE}:{key}")
            return "" if value is None else str(value)

        when_running = get("whenRunning")
        if when_running not in ("", *WHEN_RUNNING):
            raise InputError(
                f"{NAMESPACE}:whenRunning",
                f"'{when_running}' is not one of {', '.join(WHEN_RUNNING)}.",
            )
        # The engine shows our errors; gRPC's server would log each a second time.
        logging.getLogger("grpc._server").addFilter(_is_unexpected)
        return Host(
            Connection(
                server_url=get("serverUrl"),
                api_key=get("apiKey"),
                project=get("project"),
                orchestrators=_objects(f"{NAMESPACE}:orchestrators", get("orchestrators")),
                when_running=when_running,
            )
        )

    def session(self, props: Mapping[str, Any]) -> Session:
        """The session of a resource's project."""
        project = props.get("project") or ""
        with self._lock:
            if project not in self._sessions:
                from pulumi_zenml.lifecycle.session import Session

                self._sessions[project] = Session(self.connection, project, self.say)
            return self._sessions[project]

    @contextlib.contextmanager
    def pairs(self, props: Mapping[str, Any]) -> Iterator[Pairs]:
        """The lifecycle for a resource's project; our own errors leave without a stack trace."""
        from pulumi_zenml.lifecycle.pairs import Pairs

        try:
            yield Pairs(self.session(props))
        except PulumiZenmlError as error:
            # Pulumi's dynamic host shows the whole traceback of what a provider raises.
            sys.tracebacklimit = 0
            error.__cause__ = None
            error.__suppress_context__ = True
            raise

    def say(self, text: str) -> None:
        """Tell the user something, once; what the provider prints reaches the terminal."""
        with self._lock:
            if text in self._said:
                return
            self._said.add(text)
        print(f"zenml: {text}", flush=True)

    def check_flavor(self, checked: Checked) -> None:
        """Check what depends on the orchestrator, as far as it can be known now."""
        inputs = checked.inputs
        if checked.cadence is None or is_unknown(inputs.get("stack")):
            return
        flavor = inputs.get("flavor") or self._look(checked)
        if not flavor or is_unknown(flavor):
            return
        try:
            orchestrator = get_orchestrator(flavor)
        except NotSchedulableError as error:
            checked.failures.append(error)
            return
        name = inputs["name"]
        wanted = Wanted(
            name="" if is_unknown(name) else name,
            owner=inputs["owner"],
            cadence=checked.cadence,
            paused=inputs["paused"] is True,
            settings=_known(inputs.get("orchestrator_settings") or {}),
        )
        problems = orchestrator.check(wanted)
        checked.failures += problems
        if not problems:
            for note in orchestrator.dialect().write(checked.cadence).notes:
                self.say(f"'{name}' on {flavor}: {note}")

    def _look(self, checked: Checked) -> str | None:
        """Look at ZenML where it can be reached: the stack, the name's holder, the snapshot."""
        if not self.connection.is_configured():
            self._not_looked("no server is configured")
            return None
        inputs = checked.inputs
        try:
            session = self.session(inputs)
            flavor = session.flavor(inputs["stack"])
            self._check_name(checked, session)
            snapshot = inputs.get("snapshot")
            if snapshot and not is_unknown(snapshot) and session.snapshot_id(snapshot) is None:
                self.say(f"there is no snapshot '{snapshot}' yet; 'pulumi up' will need it.")
            return flavor
        except NotFoundError as error:
            property = "project" if "project" in error.reason else "stack"
            checked.failures.append(InputError(property, error.reason))
        except PulumiZenmlError as error:
            self._not_looked(str(error))
        return None

    def _check_name(self, checked: Checked, session: Session) -> None:
        from pulumi_zenml.lifecycle.pair import ownership_problem

        inputs = checked.inputs
        holder = session.records.named(inputs["name"])
        mine = session.records.owned_by(inputs["owner"], *inputs.get("formerly", ()))
        if holder and holder not in mine:
            problem = ownership_problem(holder, inputs.get("adopt", False))
            if problem:
                checked.failures.append(InputError("name", problem))

    def _not_looked(self, why: str) -> None:
        self.say(
            f"previewed without looking at ZenML ({why}): whether its stacks can do what is asked "
            "is checked on 'pulumi up'. Give flavor=... to check it now."
        )


def _is_unexpected(record: logging.LogRecord) -> bool:
    raised = record.exc_info[1] if record.exc_info else None
    return not isinstance(raised, PulumiZenmlError)


def plain(props: Mapping[str, Any]) -> dict[str, Any]:
    """Properties without the pickled provider."""
    return {key: value for key, value in props.items() if key != "__provider"}


def _known(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if not is_unknown(value)}


def _objects(key: str, text: str) -> dict[str, dict[str, Any]]:
    try:
        loaded = json.loads(text) if text else {}
    except json.JSONDecodeError as error:
        raise InputError(key, f"it is not JSON: {error}.") from None
    if not isinstance(loaded, dict) or not all(isinstance(it, dict) for it in loaded.values()):
        raise InputError(key, "it must be an object of objects, by orchestrator name.")
    return loaded
