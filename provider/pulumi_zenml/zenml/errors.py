"""What ZenML's client raises, as our errors."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from pulumi_zenml.errors import (
    NotFoundError,
    PermissionDeniedError,
    PulumiZenmlError,
    RefusedError,
    ServiceError,
    ThrottledError,
    UnauthenticatedError,
    UnreachableError,
)

ZENML = "ZenML"
API_KEY = "zenml:apiKey"
# In ZenML's words, and in those of urllib3 when it has tried often enough.
_STATUS = re.compile(r"\b(\d{3}) (?:HTTP Error|error response)")
_CERTIFICATE = re.compile(r"certificate verify failed: ([^(]+?) \(")


@contextlib.contextmanager
def zenml_errors(doing: str) -> Iterator[None]:
    """Turn what ZenML raises while ``doing`` something into our errors."""
    try:
        yield
    except Exception as error:
        raise _translate(error, doing) from error


def _translate(error: Exception, doing: str) -> Exception:
    if isinstance(error, PulumiZenmlError):
        return error
    import requests
    from zenml.exceptions import (
        AuthorizationException,
        CredentialsNotValid,
        DoesNotExistException,
        IllegalOperationError,
    )

    text = f"could not {doing}: {_first_line(error)}"
    if isinstance(error, CredentialsNotValid):
        return UnauthenticatedError(
            ZENML,
            f"{text}. Set a valid key with 'pulumi config set --secret zenml:apiKey' (or "
            "ZENML_STORE_API_KEY), or run 'zenml login'.",
            property=API_KEY,
        )
    if isinstance(error, AuthorizationException):
        # ZenML raises this one both for a refused login and for a missing permission.
        denied = re.search(r"permission|\b403\b", str(error), re.IGNORECASE)
        kind = PermissionDeniedError if denied else UnauthenticatedError
        return kind(
            ZENML,
            f"{text}. Check 'zenml:apiKey' and what its service account may do.",
            property=API_KEY,
        )
    if isinstance(error, IllegalOperationError):
        return PermissionDeniedError(ZENML, text, property=API_KEY)
    if isinstance(error, KeyError | DoesNotExistException):
        return NotFoundError(ZENML, text)
    if isinstance(error, requests.exceptions.JSONDecodeError):
        return ServiceError(ZENML, f"{text}. The answer is not ZenML's: is a proxy in between?")
    if certificate := _CERTIFICATE.search(str(error)):
        return UnreachableError(
            ZENML,
            f"could not {doing}: the server's certificate is not trusted ({certificate[1]}). Name "
            "the file of your own certificate authority in REQUESTS_CA_BUNDLE.",
        )
    if isinstance(error, requests.exceptions.RequestException):
        return UnreachableError(ZENML, text)
    if isinstance(error, RuntimeError) and (by_words := _by_words(error, text)):
        return by_words
    if "Bad API Response" in str(error) or type(error).__name__ == "ValidationError":
        return ServiceError(ZENML, f"{text}. The answer is not ZenML's: is a proxy in between?")
    if isinstance(error, ValueError):
        return RefusedError(ZENML, text)
    return ServiceError(ZENML, f"{text} ({type(error).__name__})")


def _by_words(error: RuntimeError, text: str) -> ServiceError | None:
    """ZenML's client says any other status in words (zenml 0.98 rest_zen_store)."""
    status = _STATUS.search(str(error))
    if status and status[1] == "429":
        return ThrottledError(ZENML, f"{text}. Try again in a minute.")
    if status and status[1] in ("502", "503", "504"):
        return UnreachableError(ZENML, f"{text}. Something answers, but ZenML does not.")
    if str(error).startswith("Error connecting to URL"):
        return UnreachableError(ZENML, text)
    return None


def _first_line(error: Exception) -> str:
    text = str(error.args[0]) if error.args else type(error).__name__
    return text.strip().splitlines()[0].rstrip(".")[:300] if text.strip() else type(error).__name__
