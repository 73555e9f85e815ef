"""AWS for the SageMaker orchestrator: clients with deadlines, and our errors."""

from __future__ import annotations

import logging
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi_zenml.errors import (
    NotFoundError,
    PermissionDeniedError,
    RefusedError,
    ServiceError,
    ThrottledError,
    UnauthenticatedError,
    UnreachableError,
)
from pulumi_zenml.orchestrators._sdk import need
from pulumi_zenml.orchestrators.base import Target

SERVICE = "AWS"
CONNECT_SECONDS = 10
READ_SECONDS = 30
ATTEMPTS = 5

_ADMIN_CONFIG = "SAGEMAKER_ADMIN_CONFIG_OVERRIDE"
_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_THROTTLING = {"Throttling", "ThrottlingException", "TooManyRequestsException"}
_MISSING = {"ResourceNotFound", "ResourceNotFoundException"}


@dataclass(frozen=True)
class Clients:
    """The clients of the three AWS services in use.

    Args:
        scheduler: boto3's client of EventBridge Scheduler.
        sagemaker: boto3's client of SageMaker.
        sts: boto3's client of the Security Token Service.
    """

    scheduler: Any
    sagemaker: Any
    sts: Any


class Aws:
    """Clients with the credentials of a ZenML component, made on first use.

    Args:
        target: the component, with its overrides.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        # Creating a session is not thread-safe, neither ZenML's nor boto3's.
        self._lock = threading.Lock()
        self._zenml: Any = None
        self._session: Any = None
        self._clients: Clients | None = None

    @property
    def config(self) -> Any:
        """ZenML's configuration of the component, secrets resolved, overrides in effect."""
        with self._lock:
            return self._orchestrator().config

    @contextmanager
    def in_effect(self, stack: Any) -> Iterator[None]:
        """Make ZenML's own code use the overrides within a block, without its warnings.

        Args:
            stack: ZenML's stack object, which is used only once.
        """
        stack.orchestrator._config = self.config
        with warnings.catch_warnings():
            # ZenML 0.98 uses deprecated parts of the SDK.
            warnings.filterwarnings("ignore", module=r"sagemaker\.")
            yield

    def clients(self) -> Clients:
        """The clients; new ones once the service connector's credentials were renewed.

        Raises:
            ServiceError: the SDK is missing, or there are no credentials or no region.
        """
        with self._lock, calling("signing in"):
            session = self._orchestrator().sagemaker_session.boto_session
            if self._clients is None or session is not self._session:
                self._clients = self._make(session)
                self._session = session
            return self._clients

    def _orchestrator(self) -> Any:
        if self._zenml is None:
            # First: the SDK reads its configuration, and prints to stdout, while it is imported.
            opt_out_of_telemetry()
            need("sagemaker", "sagemaker", SERVICE)
            with calling("reading the component's configuration"):
                made: Any = self._target.instance()
            given = self._target.overrides
            changes = {key: given[key] for key in ("region", "scheduler_role") if key in given}
            made._config = made.config.model_copy(update=changes)
            self._zenml = made
        return self._zenml

    def _make(self, session: Any) -> Clients:
        from botocore.config import Config

        overrides = self._target.overrides
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=overrides.get("read_timeout_seconds", READ_SECONDS),
            # Creations have a client token, with which AWS recognises a retry.
            retries={"mode": "standard", "max_attempts": overrides.get("attempts", ATTEMPTS)},
        )
        names = ("scheduler", "sagemaker", "sts")
        return Clients(*(session.client(name, config=config) for name in names))


def opt_out_of_telemetry() -> None:
    """Keep the SageMaker SDK from reporting to AWS and from printing to stdout.

    Does nothing if an administrator's configuration file of the SDK exists. A user's own file is
    read after ours and takes precedence (sagemaker 2.257 config.load_sagemaker_config).
    """
    logging.getLogger("sagemaker.config").setLevel(logging.WARNING)
    folders = need("platformdirs", "sagemaker", SERVICE)
    usual = Path(folders.site_config_dir("sagemaker")) / "config.yaml"
    if not usual.exists():
        os.environ.setdefault(_ADMIN_CONFIG, str(Path(__file__).with_name("sdk.yaml")))


def code_of(error: Exception) -> str:
    """AWS's error code; empty for an error that AWS did not send."""
    response = getattr(error, "response", None)
    return str(response["Error"].get("Code", "")) if isinstance(response, dict) else ""


def is_missing(error: Exception) -> bool:
    """Whether AWS reports that there is no such resource."""
    return code_of(error) in _MISSING


@contextmanager
def calling(what: str) -> Iterator[None]:
    """Turn AWS's errors into ours.

    Args:
        what: what is being done to which object, for the error.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _ours(error, what) from error
    except BotoCoreError as error:
        raise _local(error, what) from error


def _ours(error: Any, what: str) -> ServiceError:
    code = code_of(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    said = f"{what}: {code}: {error.response['Error'].get('Message', '')}"
    if code in _CREDENTIALS or status == 401:
        return UnauthenticatedError(
            SERVICE,
            f"{said} Renew the credentials of the ZenML component or its service connector.",
        )
    if code in _THROTTLING or status == 429:
        return ThrottledError(SERVICE, f"{said} Try again later, or with fewer schedules at once.")
    if code in _MISSING or status == 404:
        return NotFoundError(SERVICE, said)
    if code.startswith("AccessDenied") or status == 403:
        return PermissionDeniedError(
            SERVICE,
            f"{said} The caller needs scheduler:*Schedule*, sagemaker:*Pipeline* and "
            "iam:PassRole for both roles.",
        )
    if status >= 500:
        return UnreachableError(SERVICE, f"{said} AWS failed; try again later.")
    return RefusedError(SERVICE, said)


def _local(error: Exception, what: str) -> ServiceError:
    from botocore import exceptions as their

    said = f"{what}: {error}"
    if isinstance(error, their.NoRegionError):
        return ServiceError(
            SERVICE,
            f"{said} Set the component's region (zenml orchestrator update NAME --region=...) or "
            "AWS_DEFAULT_REGION.",
        )
    if isinstance(error, their.HTTPClientError | their.ConnectionError | their.ReadTimeoutError):
        return UnreachableError(
            SERVICE, f"{said} Check the network, the region and AWS_ENDPOINT_URL."
        )
    if isinstance(
        error,
        their.NoCredentialsError
        | their.PartialCredentialsError
        | their.CredentialRetrievalError
        | their.TokenRetrievalError
        | their.SSOError
        | their.ProfileNotFound,
    ):
        return UnauthenticatedError(
            SERVICE, f"{said} Give the ZenML component a service connector or AWS credentials."
        )
    return RefusedError(SERVICE, said)
