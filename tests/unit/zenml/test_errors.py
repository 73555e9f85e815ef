"""What ZenML's client raises is one of our errors, by what it is and not by chance digits."""

from __future__ import annotations

import pytest

from pulumi_zenml.errors import (
    PulumiZenmlError,
    ServiceError,
    ThrottledError,
    UnreachableError,
)
from pulumi_zenml.zenml.errors import zenml_errors

CONNECTING = "Error connecting to URL 'https://zenml.example:42950': HTTPSConnectionPool(host="
CERTIFICATE = (
    "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify "
    "failed: self-signed certificate (_ssl.c:1006)'))"
)


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("429 HTTP Error received from server: slow down", ThrottledError, "in a minute"),
        ("503 HTTP Error received from server: <html>", UnreachableError, "ZenML does not"),
        (f"{CONNECTING}'x'): too many 503 error responses", UnreachableError, "ZenML does not"),
        (f"{CONNECTING}'x'): refused", UnreachableError, "refused"),
        (f"{CONNECTING}'x'): (Caused by {CERTIFICATE})", UnreachableError, "REQUESTS_CA_BUNDLE"),
        ("run 4290 of 5030 has failed", ServiceError, "4290"),
    ],
)
def test_what_zenml_says_in_words(text: str, kind: type[PulumiZenmlError], says: str) -> None:
    with pytest.raises(kind, match=says) as caught, zenml_errors("sign in"):
        raise RuntimeError(text)
    assert type(caught.value) is kind
