"""HyperAI made ready to be tested: a real SSH host with cron and at.

ZenML's own orchestrator and service connector run unchanged. Nothing but Docker is replaced on
the host (see `testbed.sshd`), because a run would need a Docker engine.
"""

from __future__ import annotations

import base64
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Self
from uuid import UUID

from pulumi_zenml.cadence import Cadence, make_cadence
from pulumi_zenml.json_types import Json
from pulumi_zenml.testing.bench import Bench, Fault
from testbed.sshd import SshHost
from testbed.zenml_store import WITH_IMAGES, register_stack

_SCRIPT = re.compile(r"/scheduled-pipeline-runs/([0-9a-f-]{36})/run_pipeline\.sh")
_AT = "for n in $(atq | cut -f1); do at -c $n | grep -F /run_pipeline.sh | sed s/^/$n:/; done"


class HyperAIBench(Bench):
    """One host; a context manager. Its crontab may hold lines of others, which stay.

    Args:
        host: the host, which others may use at the same time.
    """

    flavor: ClassVar[str] = "hyperai"
    faults: ClassVar[tuple[Fault, ...]] = ("unauthenticated", "denied", "timeout", "refused")

    def __init__(self, host: SshHost) -> None:
        self.host = host

    def __enter__(self) -> Self:
        # Docker's stand-in is not where cron looks by itself.
        path = f"PATH=/home/{self.host.username}/bin:/usr/bin:/bin\n"
        self._before = self.host.crontab()
        self.host.write_crontab(path + self._before)
        return self

    def __exit__(self, *error: object) -> None:
        self.host.write_crontab(self._before)

    @property
    def credentials(self) -> Sequence[str]:
        return (self.host.private_key.read_text(encoding="ascii").splitlines()[1],)

    def overrides(self) -> Mapping[str, Json]:
        return {"known_hosts": str(self.host.known_hosts), "timeout_seconds": 2}

    def register(self, name: str) -> None:
        from zenml.client import Client
        from zenml.models import ServiceConnectorResponse

        key = base64.b64encode(self.host.private_key.read_bytes()).decode()
        configuration: dict[str, Any] = {
            "base64_ssh_key": key,
            "hostnames": [self.host.address],
            "username": self.host.username,
        }
        connector, _ = Client().create_service_connector(
            name=name,
            connector_type="hyperai",
            resource_type="hyperai-instance",
            auth_method="ed25519-key",
            configuration=configuration,
            verify=False,
        )
        assert isinstance(connector, ServiceConnectorResponse)
        register_stack(
            name,
            {"orchestrator": ("hyperai", {}), **WITH_IMAGES},
            connector=connector.id,
            resource=self.host.address,
        )

    def cadences(self) -> Sequence[Cadence]:
        soon = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
        return [
            make_cadence(cron="0 3 * * MON-FRI", timezone=self.timezone()),
            make_cadence(cron="*/20 1-5 1,15 * *", timezone=self.timezone()),
            make_cadence(run_once_at=soon),
        ]

    def native_ids(self) -> set[str]:
        lines = [line for line in self.host.crontab().split("\n") if "ONCE" not in line]
        text = "\n".join([*lines, self.host.run(_AT)])
        return {f"{self.host.username}@{self.host.address}/{key}" for key in _SCRIPT.findall(text)}

    def edit_cadence(self, native_id: str) -> None:
        line = self._line(native_id)
        command = line[line.index("bash ") :]
        if "ONCE" in line:
            self._unqueue(native_id)
            self.host.run("TZ=UTC at -t 203001010000", data=f"{command}\n")
        else:
            self._replace(line, f"17 5 * * 2 {command}")

    def edit_paused(self, native_id: str, paused: bool) -> None:
        line = self._line(native_id)
        if "ONCE" in line:
            self._unqueue(native_id)
            words = line.removeprefix("#PAUSED ").removeprefix("#")
            self._replace(line, f"#PAUSED {words}" if paused else f"#{words}")
            if not paused:
                _, due, command = words.split(" ", 2)
                when = datetime.fromisoformat(due).strftime("%Y%m%d%H%M")
                self.host.run(f"TZ=UTC at -t {when}", data=f"{command}\n")
        else:
            words = line.removeprefix("#PAUSED ").removeprefix("# ")
            self._replace(line, f"# {words}" if paused else words)

    def remove(self, native_id: str) -> None:
        line = self._line(native_id)
        if "ONCE" in line:
            self._unqueue(native_id)
        self._replace(line, None)

    def add_run(self, native_id: str) -> str:
        """Run the script as cron does, and tell ZenML of the run as its first container would."""
        command = re.sub(r"^.*(?=bash /)", "", self._line(native_id))
        environment = f"{command.removeprefix('bash ').rpartition('/')[0]}/.env"
        # The run's id ends with the second in which the script starts.
        before = self.host.run(f"cat {environment} 2>/dev/null", check=False)
        while (started := self.host.run(f"{command}; cat {environment}")) == before:
            time.sleep(0.1)
        run_id = started.strip().partition("=")[2].strip('"')
        _tell_zenml(run_id)
        return run_id

    @contextmanager
    def fault(self, kind: Fault) -> Iterator[None]:
        faults = {
            "unauthenticated": self.host.without_login,
            "denied": self.host.without_crontab,
            "timeout": self.host.frozen,
            "refused": self.host.closed,
        }
        with faults[kind](), self._unreadable() if kind == "denied" else nullcontext():
            yield

    @contextmanager
    def _unreadable(self) -> Iterator[None]:
        """ZenML's folders belong to somebody else for a while."""
        folder = self.host.home / "scheduled-pipeline-runs"
        owner = folder.stat()
        os.chown(folder, 0, 0)
        folder.chmod(0o700)
        try:
            yield
        finally:
            os.chown(folder, owner.st_uid, owner.st_gid)

    def timezone(self) -> str:
        """The host's zone."""
        return (self.host.folder / "etc" / "timezone").read_text(encoding="ascii").strip()

    def _line(self, native_id: str) -> str:
        script = f"{native_id.rpartition('/')[2]}/run_pipeline.sh"
        [line] = [it for it in self.host.crontab().split("\n") if script in it]
        return line

    def _replace(self, line: str, new: str | None) -> None:
        lines = self.host.crontab().split("\n")
        at = lines.index(line)
        lines[at : at + 1] = [] if new is None else [new]
        self.host.write_crontab("\n".join(lines))

    def _unqueue(self, native_id: str) -> None:
        for job in self.host.run(_AT).splitlines():
            number, _, command = job.partition(":")
            if native_id.rpartition("/")[2] in command:
                self.host.run(f"atrm {number}")


def _tell_zenml(run_id: str) -> None:
    from zenml.client import Client
    from zenml.enums import ExecutionStatus
    from zenml.models import PipelineRunRequest, PipelineRunUpdate

    client = Client()
    snapshot = client.zen_store.get_snapshot(UUID(run_id.rpartition("_")[0]))
    run, _ = client.zen_store.get_or_create_run(
        PipelineRunRequest(
            project=snapshot.project_id,
            name=f"bench-{run_id}",
            snapshot=snapshot.id,
            orchestrator_run_id=run_id,
            status=ExecutionStatus.RUNNING,
            start_time=datetime.now(UTC),
        )
    )
    over = PipelineRunUpdate(status=ExecutionStatus.COMPLETED)
    client.zen_store.update_run(run.id, over)
