"""Messages to the user through the Pulumi engine's own log, on the resource they belong to."""

from __future__ import annotations

import sys
import threading
from typing import Literal

Severity = Literal["info", "warning"]


class EngineLog:
    """Sends each message once.

    What a provider prints to stdout appears too, but on no resource, and not while another thread
    keeps ZenML's output off stdout.

    Args:
        address: the engine's, which it passes to a provider process; empty to print instead.
    """

    def __init__(self, address: str = "") -> None:
        self._address = address
        self._lock = threading.Lock()
        self._sent: set[tuple[str, str]] = set()

    @staticmethod
    def of_this_process() -> EngineLog:
        """The log of the engine that started this process as ``python -m pulumi.dynamic``."""
        arguments = sys.argv[1:]
        is_address = len(arguments) == 1 and arguments[0].rpartition(":")[2].isdigit()
        return EngineLog(arguments[0] if is_address else "")

    def send(self, severity: Severity, text: str, urn: str = "") -> None:
        """Tell the user something.

        Args:
            severity: how much it matters.
            text: one or more lines.
            urn: the resource's; empty for the whole stack.
        """
        with self._lock:
            if (urn, text) in self._sent:
                return
            self._sent.add((urn, text))
        if not self._address:
            print(f"zenml: {text}", flush=True)
            return
        import grpc
        from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

        level = engine_pb2.WARNING if severity == "warning" else engine_pb2.INFO
        with grpc.insecure_channel(self._address) as channel:
            engine_pb2_grpc.EngineStub(channel).Log(
                engine_pb2.LogRequest(severity=level, message=text, urn=urn, streamId=0)
            )
