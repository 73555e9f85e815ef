"""A stand-in for AWS on loopback: moto, with a front that refuses what AWS refuses.

It serves EventBridge Scheduler, SageMaker pipelines, STS and S3 to any SDK that is given
:attr:`AwsStandIn.environment`. State is moto's; signatures are checked; what moto 5.2 takes and
AWS does not is refused (:mod:`standins.aws_rules`); listings come in small pages;
and any failure can be made with :meth:`AwsStandIn.fault`. Nothing fires by itself: call
:meth:`AwsStandIn.fire`.

Needs ``moto[server]``.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, unquote

from pulumi_zenml.testing.bench import Fault
from pulumi_zenml.testing.faults import Faulty
from standins.aws_rules import Body, Refusal
from standins.aws_services import Call, Services

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from werkzeug.serving import BaseWSGIServer
    from werkzeug.wrappers import Response

_FAULTS: dict[Fault, Refusal] = {
    "unauthenticated": Refusal("ExpiredTokenException", "The security token is expired.", 403),
    "denied": Refusal("AccessDeniedException", "User is not authorized to do this.", 403),
    "not-found": Refusal("ResourceNotFoundException", "It does not exist.", 404),
    "throttled": Refusal("ThrottlingException", "Rate exceeded.", 429),
    "server-error": Refusal("InternalServerException", "Unexpected error.", 500),
}


class AwsStandIn(Faulty):
    """AWS for tests. Use it as a context manager; one at a time in a process.

    Args:
        access_key_id, secret_access_key: the only credentials that are let in.
        region: the region that :meth:`fire` works in.
        page: the most that a page of a listing holds.
    """

    def __init__(
        self,
        access_key_id: str = "AKIAIOSFODNN7EXAMPLE",
        secret_access_key: str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        region: str = "eu-central-1",
        page: int = 3,
    ) -> None:
        super().__init__()
        self.access_key_id = access_key_id
        self.secret_access_key = secret_access_key
        self.region = region
        self.calls: list[str] = []
        """The operations that were called, in order, for example ``scheduler.GetSchedule``."""
        self._services = Services(page)
        self._port = 0
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None
        self._moto: WSGIApplication | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead boto3 and the SageMaker SDK here and nowhere else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def unassumable(self) -> set[str]:
        """Role ARNs that EventBridge Scheduler is not allowed to assume; add to it."""
        return self._services.unassumable

    def __enter__(self) -> Self:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        self._moto = DomainDispatcherApplication(create_backend_app)
        # Moto keeps one state for a process; other services in it may be somebody else's.
        self._services.scheduler(self.region).reset()
        self._services.sagemaker(self.region).reset()
        return super().__enter__()

    def fire(self, group: str, name: str) -> str:
        """Do what EventBridge does when a schedule is due; returns the execution's ARN."""
        schedule = self._services.scheduler(self.region).get_schedule(group, name)
        assert schedule.state == "ENABLED", f"{group}/{name} is {schedule.state}"
        return self._services.start(self.region, schedule.target["Arn"].rpartition("/")[2])

    def set_status(self, execution: str, status: str) -> None:
        """Say how an execution is doing, in SageMaker's words."""
        self._services.execution(execution).pipeline_execution_status = status

    def pipelines(self) -> set[str]:
        """The names of the SageMaker pipelines there are."""
        return set(self._services.sagemaker(self.region).pipelines)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI application: refuse, answer, or leave it to moto."""
        raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        call = _understand(environ, raw)
        self.calls.append(f"{call.service}.{call.operation}")
        failure = self.failure(call.service, call.operation)
        try:
            if failure is not None and not failure.afterwards:
                self._fail(failure.kind)
            self._authenticate(environ, raw)
            response = self._carry_out(call, environ, raw)
            if failure is not None:
                self._fail(failure.kind)
        except Refusal as refusal:
            response = _refusal(call, refusal)
        return response(environ, start_response)

    def _carry_out(self, call: Call, environ: WSGIEnvironment, raw: bytes) -> Response:
        from werkzeug.wrappers import Response

        answer = self._services.answer(call)
        if answer is not None:
            return _response(200, json.dumps(answer))
        if call.service in ("scheduler", "sagemaker") and raw:
            raw = json.dumps(call.body).encode()
        environ["wsgi.input"] = io.BytesIO(raw)
        environ["CONTENT_LENGTH"] = str(len(raw))
        assert self._moto
        return Response.from_app(self._moto, environ)

    def _fail(self, kind: Fault) -> None:
        if kind == "timeout":
            self.keep_waiting()
            raise Refusal("RequestTimeout", "Too late.", 504)
        raise _FAULTS[kind]

    def _authenticate(self, environ: WSGIEnvironment, raw: bytes) -> None:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        given = environ.get("HTTP_AUTHORIZATION", "").partition(" ")[2]
        parts = dict(it.strip().split("=", 1) for it in given.split(",") if "=" in it)
        if "Credential" not in parts:
            raise Refusal("MissingAuthenticationToken", "Missing Authentication Token", 403)
        key, _, region, service, _ = parts["Credential"].split("/")
        if key != self.access_key_id:
            reason = "The security token included in the request is invalid."
            raise Refusal("UnrecognizedClientException", reason, 403)
        signed = {name: _header(environ, name) for name in parts["SignedHeaders"].split(";")}
        url = self.url + environ["REQUEST_URI"]
        request = AWSRequest(environ["REQUEST_METHOD"], url, headers=signed, data=raw)
        request.context["timestamp"] = _header(environ, "x-amz-date")
        signer = SigV4Auth(Credentials(key, self.secret_access_key), service, region)
        text = signer.string_to_sign(request, signer.canonical_request(request))
        # S3 signs differently, and only takes large definitions here.
        if service != "s3" and signer.signature(text, request) != parts["Signature"]:
            reason = "The request signature we calculated does not match."
            raise Refusal("InvalidSignatureException", reason, 403)

    def listen(self) -> None:
        """Answer, on the same port as before if there was one."""
        from moto.moto_server.werkzeug_app import MotoRequestHandler
        from werkzeug.serving import make_server

        class Quiet(MotoRequestHandler):
            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                pass

        server = make_server("127.0.0.1", self._port, self, threaded=True, request_handler=Quiet)
        self._server, self._port = server, server.server_port
        self._thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def hang_up(self) -> None:
        """Stop answering; connections are refused."""
        if self._server and self._thread:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()


_REST = {
    ("GET", "schedules", False): "ListSchedules",
    ("POST", "schedules", True): "CreateSchedule",
    ("GET", "schedules", True): "GetSchedule",
    ("PUT", "schedules", True): "UpdateSchedule",
    ("DELETE", "schedules", True): "DeleteSchedule",
    ("GET", "schedule-groups", False): "ListScheduleGroups",
    ("POST", "schedule-groups", True): "CreateScheduleGroup",
    ("GET", "schedule-groups", True): "GetScheduleGroup",
    ("DELETE", "schedule-groups", True): "DeleteScheduleGroup",
}
_QUERY = {"ScheduleGroup": "GroupName", "groupName": "GroupName", "clientToken": "ClientToken"}


def _understand(environ: WSGIEnvironment, raw: bytes) -> Call:
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split("/")
    region, service = (scope[2], scope[3]) if len(scope) > 3 else ("", "")
    body: Body = {}
    operation = _header(environ, "x-amz-target").rpartition(".")[2]
    if service in ("scheduler", "sagemaker") and raw:
        body = json.loads(raw)
    if service == "scheduler":
        kind, _, name = environ["PATH_INFO"].strip("/").partition("/")
        operation = _REST[environ["REQUEST_METHOD"], kind, bool(name)]
        for key, values in parse_qs(environ.get("QUERY_STRING", "")).items():
            value: Any = int(values[0]) if key == "MaxResults" else values[0]
            body[_QUERY.get(key, key)] = value
        if name:
            body["Name"] = unquote(name)
    return Call(service, region, operation, body)


def _header(environ: WSGIEnvironment, name: str) -> str:
    key = name.upper().replace("-", "_")
    return str(environ.get(f"HTTP_{key}") or environ.get(key, ""))


def _refusal(call: Call, refusal: Refusal) -> Response:
    status, code = refusal.status, refusal.code
    if call.service == "sagemaker" and code == "ResourceNotFoundException":
        status, code = 400, "ResourceNotFound"
    content = json.dumps({"__type": code, "message": refusal.message})
    if call.service == "sts":
        content = (
            '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>'
            f"<Code>{code}</Code><Message>{refusal.message}</Message></Error></ErrorResponse>"
        )
    response = _response(status, content)
    response.headers["x-amzn-ErrorType"] = code
    return response


def _response(status: int, content: str) -> Response:
    from werkzeug.wrappers import Response

    return Response(content, status, content_type="application/x-amz-json-1.1")
