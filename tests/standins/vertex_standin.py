"""A stand-in for Vertex AI, for Google's own client: gRPC over TLS, and REST.

It serves schedules and pipeline jobs of one project in one region: keeps state, checks the
signature of the caller's tokens, validates, filters, pages and refuses as the service's
descriptions say, and can be made to fail. Nothing runs by itself: call
:meth:`VertexStandIn.run_once`.

::

    with VertexStandIn(folder) as vertex:
        aiplatform.init(api_endpoint=vertex.rest_endpoint, api_transport="rest")

For gRPC, the environment must name the stand-in's certificate before the process makes its first
channel: ``GRPC_DEFAULT_SSL_ROOTS_FILE_PATH``. Importing this module imports Google's client.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import grpc
from google.cloud import aiplatform_v1 as api
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2, json_format

from pulumi_zenml.testing.bench import Fault
from pulumi_zenml.testing.faults import Faulty
from pulumi_zenml.testing.loopback import LoopbackServer
from standins.vertex_keys import Keys
from standins.vertex_rules import VertexError
from standins.vertex_service import VertexService

_V1 = "google.cloud.aiplatform.v1"
_RPCS: dict[str, tuple[str, Any]] = {
    "CreateSchedule": (f"{_V1}.ScheduleService", api.CreateScheduleRequest),
    "GetSchedule": (f"{_V1}.ScheduleService", api.GetScheduleRequest),
    "ListSchedules": (f"{_V1}.ScheduleService", api.ListSchedulesRequest),
    "UpdateSchedule": (f"{_V1}.ScheduleService", api.UpdateScheduleRequest),
    "PauseSchedule": (f"{_V1}.ScheduleService", api.PauseScheduleRequest),
    "ResumeSchedule": (f"{_V1}.ScheduleService", api.ResumeScheduleRequest),
    "DeleteSchedule": (f"{_V1}.ScheduleService", api.DeleteScheduleRequest),
    "CreatePipelineJob": (f"{_V1}.PipelineService", api.CreatePipelineJobRequest),
    "GetPipelineJob": (f"{_V1}.PipelineService", api.GetPipelineJobRequest),
    "ListPipelineJobs": (f"{_V1}.PipelineService", api.ListPipelineJobsRequest),
    "GetOperation": ("google.longrunning.Operations", operations_pb2.GetOperationRequest),
}
_PLACE = r"projects/[^/:]+/locations/[^/:]+"
# Verb, path, method, and the fields that the path and the body fill in (google.api.http rules).
_ROUTES = [
    ("POST", rf"({_PLACE})/schedules", "CreateSchedule", "parent", "schedule"),
    ("GET", rf"({_PLACE})/schedules", "ListSchedules", "parent", ""),
    ("GET", rf"({_PLACE}/schedules/[^/:]+/operations/[^/:]+)", "GetOperation", "name", ""),
    ("GET", rf"({_PLACE}/schedules/[^/:]+)", "GetSchedule", "name", ""),
    ("PATCH", rf"({_PLACE}/schedules/[^/:]+)", "UpdateSchedule", "schedule.name", "schedule"),
    ("DELETE", rf"({_PLACE}/schedules/[^/:]+)", "DeleteSchedule", "name", ""),
    ("POST", rf"({_PLACE}/schedules/[^/:]+):pause", "PauseSchedule", "name", "*"),
    ("POST", rf"({_PLACE}/schedules/[^/:]+):resume", "ResumeSchedule", "name", "*"),
    ("POST", rf"({_PLACE})/pipelineJobs", "CreatePipelineJob", "parent", "pipelineJob"),
    ("GET", rf"({_PLACE})/pipelineJobs", "ListPipelineJobs", "parent", ""),
    ("GET", rf"({_PLACE}/pipelineJobs/[^/:]+)", "GetPipelineJob", "name", ""),
]
_FAULTS: dict[Fault, VertexError] = {
    "unauthenticated": VertexError(
        "UNAUTHENTICATED", "Request had invalid authentication credentials."
    ),
    "denied": VertexError("PERMISSION_DENIED", "Permission 'aiplatform.schedules.get' denied."),
    "not-found": VertexError("NOT_FOUND", "The resource does not exist."),
    "throttled": VertexError("RESOURCE_EXHAUSTED", "Quota exceeded for aiplatform requests."),
    "server-error": VertexError("INTERNAL", "Internal error encountered."),
}


class VertexStandIn(Faulty, VertexService):
    """Vertex AI on free loopback ports, while the block lasts.

    Args:
        folder: where the key of the one service account that is let in and the certificate go.
        project: the project's id.
        project_number: the number that the service names it by.
        location: the region.
        lingers: how many times a schedule is still read after it was deleted.
    """

    def __init__(
        self,
        folder: Path,
        *,
        project: str = "ml-prod",
        project_number: str = "123456789012",
        location: str = "europe-west1",
        lingers: int = 0,
    ) -> None:
        Faulty.__init__(self)
        VertexService.__init__(self, project, project_number, location, lingers)
        self.keys = Keys(folder, project)
        self.requests: list[str] = []
        """The methods that were called, in order, for example ``GetSchedule``."""
        self._http = LoopbackServer(type("Handler", (_Handler,), {"vertex": self}))
        self._grpc_port = 0
        self._grpc: Any = None

    @property
    def rest_endpoint(self) -> str:
        """The ``api_endpoint`` for transport ``rest``."""
        return f"http://127.0.0.1:{self._http.port}"

    @property
    def grpc_endpoint(self) -> str:
        """The ``api_endpoint`` for transport ``grpc``; TLS, by :attr:`certificate`."""
        return f"localhost:{self._grpc_port}"

    @property
    def certificate(self) -> Path:
        """What gRPC has to trust."""
        return self.keys.certificate

    @property
    def service_account_path(self) -> Path:
        """The key file of the service account that is let in."""
        return self.keys.service_account(f"{self.rest_endpoint}/token")

    def listen(self) -> None:
        """Answer, on the same ports as before if there were any."""
        self._http.listen()
        self._grpc = grpc.server(ThreadPoolExecutor(8))
        self._grpc.add_generic_rpc_handlers((_Rpcs(self),))
        self._grpc_port = self._grpc.add_secure_port(
            f"localhost:{self._grpc_port}",
            grpc.ssl_server_credentials([(self.keys.private, self.certificate.read_bytes())]),
        )
        self._grpc.start()

    def hang_up(self) -> None:
        """Stop answering; connections are refused."""
        self._http.hang_up()
        if self._grpc is not None:
            self._grpc.stop(0).wait()
            self._grpc = None

    def answer(self, method: str, request: Any, authorization: str) -> Any:
        """Answer one call of either transport.

        Raises:
            VertexError: as the service refuses it.
        """
        self.requests.append(method)
        failure = self.failure(method, getattr(request, "name", ""))
        if failure is not None and not failure.afterwards:
            self._fail(failure.kind)
        if not self.keys.lets_in(authorization):
            raise _FAULTS["unauthenticated"]
        found = self.call(method, request)
        if failure is not None:
            self._fail(failure.kind)
        return found

    def _fail(self, kind: Fault) -> None:
        if kind == "timeout":
            self.keep_waiting()
            raise VertexError("INTERNAL", "The deadline is over.")
        raise _FAULTS[kind]


class _Rpcs(grpc.GenericRpcHandler):  # type: ignore[misc]
    def __init__(self, vertex: VertexStandIn) -> None:
        self._vertex = vertex

    def service(self, details: Any) -> Any:
        service, _, method = details.method.lstrip("/").partition("/")
        known = _RPCS.get(method)
        if known is None or known[0] != service:
            return None
        type_ = known[1]
        plus = hasattr(type_, "deserialize")
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: self._answer(method, request, context),
            request_deserializer=type_.deserialize if plus else type_.FromString,
            response_serializer=lambda message: _plain(message).SerializeToString(),
        )

    def _answer(self, method: str, request: Any, context: Any) -> Any:
        sent = dict(context.invocation_metadata())
        try:
            return self._vertex.answer(method, request, sent.get("authorization", ""))
        except VertexError as error:
            context.abort(getattr(grpc.StatusCode, error.status), str(error))


class _Handler(BaseHTTPRequestHandler):
    vertex: VertexStandIn

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PATCH = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        text = self.rfile.read(length).decode() if length else ""
        try:
            if parts.path == "/token":
                self._send(200, self.vertex.keys.token(parse_qs(text)))
                return
            method, request = _request(self.command, parts.path, parts.query, text)
            found = self.vertex.answer(method, request, self.headers.get("Authorization", ""))
        except VertexError as error:
            self._send(error.http, error.body())
            return
        shown = json_format.MessageToDict(_plain(found), use_integers_for_enums=True)
        self._send(200, shown)

    def _send(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _request(verb: str, path: str, query: str, text: str) -> tuple[str, Any]:
    """The method and its message for an HTTP request, by google.api.http's rules."""
    for known, pattern, method, target, whole in _ROUTES:
        match = re.fullmatch(rf"/(?:v1|ui)/{pattern}", path)
        if verb != known or match is None:
            continue
        fields: dict[str, Any] = {
            key: values[0] for key, values in parse_qs(query).items() if not key.startswith("$")
        }
        body = json.loads(text) if text else {}
        if whole == "*":
            fields.update(body)
        elif whole:
            fields[whole] = body
        owner, _, name = target.rpartition(".")
        (fields[owner] if owner else fields)[name] = match[1]
        type_ = _RPCS[method][1]
        try:
            plain = json_format.ParseDict(fields, _message(type_), ignore_unknown_fields=False)
        except json_format.ParseError as error:
            raise VertexError("INVALID_ARGUMENT", f"Invalid JSON payload: {error}") from error
        return method, type_.wrap(plain) if hasattr(type_, "wrap") else plain
    raise VertexError("NOT_FOUND", f"{verb} {path} was not found on this server.")


def _message(type_: Any) -> Any:
    return type_.pb()() if hasattr(type_, "pb") else type_()


def _plain(message: Any) -> Any:
    """The protobuf message inside a proto-plus one."""
    if isinstance(message, empty_pb2.Empty | operations_pb2.Operation):
        return message
    return type(message).pb(message)
