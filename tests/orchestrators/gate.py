"""A way to a real server that can be made to fail."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler

from pulumi_zenml.testing.faults import FaultyServer


class Gate(FaultyServer):
    """An HTTP server in front of another one. It listens from the start.

    Args:
        handler: hands calls on, or fails them as :meth:`failure` says. It finds this gate in
            its attribute ``gate``.

    Attributes:
        calls: methods and paths of the calls that came in.
    """

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(type("Handler", (handler,), {"gate": self}))
        self.calls: list[tuple[str, str]] = []
        self.listen()

    def close(self) -> None:
        """Close the gate for good."""
        self.release()
        self.hang_up()
