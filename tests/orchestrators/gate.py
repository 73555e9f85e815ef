"""A way to a real server that can be made to fail."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler

from pulumi_zenml.testing.faults import Faulty
from pulumi_zenml.testing.loopback import LoopbackServer


class Gate(Faulty):
    """An HTTP server in front of another one. It listens from the start.

    Args:
        handler: hands calls on, or fails them as :meth:`failure` says. It finds this gate in
            its attribute ``gate``.

    Attributes:
        calls: methods and paths of the calls that came in.
    """

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__()
        self.calls: list[tuple[str, str]] = []
        self._server = LoopbackServer(type("Handler", (handler,), {"gate": self}))
        self.listen()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.port}"

    def listen(self) -> None:
        """Answer, on the same port as before if there was one."""
        self._server.listen()

    def hang_up(self) -> None:
        """Stop answering; connections are refused."""
        self._server.hang_up()

    def close(self) -> None:
        """Close the gate for good."""
        self.release()
        self.hang_up()
