"""An HTTP server of this machine only, for stand-ins."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class LoopbackServer:
    """Serves on a free port of 127.0.0.1, and on the same one whenever it listens again.

    Args:
        handler: answers the requests, each in its own thread.
        tls: what connections are wrapped with; ``None`` for plain HTTP.
    """

    def __init__(
        self, handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None
    ) -> None:
        self.port = 0
        self._handler = handler
        self._tls = tls
        self._server: _Server | None = None

    def listen(self) -> None:
        """Answer."""
        server = _Server(("127.0.0.1", self.port), self._handler)
        if self._tls is not None:
            # The handshake is in the thread that answers, so that none can block the others.
            server.socket = self._tls.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._server, self.port = server, server.server_port
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def hang_up(self) -> None:
        """Answer no more; connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that closed its connection."""
