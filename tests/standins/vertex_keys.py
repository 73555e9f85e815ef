"""A service account's key, the tokens made with it, and a certificate for loopback."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from standins.vertex_rules import VertexError

_DAY = timedelta(days=1)


class Keys:
    """Who is let in.

    Args:
        folder: where the files go.
        project: the service account's project.
    """

    def __init__(self, folder: Path, project: str) -> None:
        self.email = f"tests@{project}.iam.gserviceaccount.com"
        self.certificate = folder / "vertex.crt"
        self._folder = folder
        self._project = project
        self._tokens: set[str] = set()
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self.certificate.write_bytes(_certificate(key))

    def service_account(self, token_uri: str) -> Path:
        """Write the key file that Google's libraries read.

        Args:
            token_uri: where it is exchanged for a token, by those who do not sign their own.
        """
        path = self._folder / "service-account.json"
        content = {
            "type": "service_account",
            "project_id": self._project,
            "private_key_id": "1",
            "private_key": self.private.decode(),
            "client_email": self.email,
            "client_id": "1",
            "token_uri": token_uri,
        }
        path.write_text(json.dumps(content), encoding="utf-8")
        path.chmod(0o600)
        return path

    def token(self, form: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """Exchange a signed assertion for an access token (RFC 7523)."""
        if not self._signed(form.get("assertion", [""])[0]):
            raise VertexError("UNAUTHENTICATED", "invalid_grant: Invalid JWT Signature.")
        token = secrets.token_urlsafe(24)
        self._tokens.add(token)
        return {"access_token": token, "expires_in": 3600, "token_type": "Bearer"}

    def lets_in(self, authorization: str) -> bool:
        """Whether a call may come in: a token from here, or one that the account signed."""
        token = authorization.removeprefix("Bearer ")
        return token in self._tokens or self._signed(token)

    def _signed(self, token: str) -> bool:
        from google.auth import exceptions, jwt

        try:
            decode: Any = jwt.decode
            claims = decode(token, certs=self.certificate.read_bytes())
        except (ValueError, exceptions.GoogleAuthError):
            return False
        return bool(claims.get("iss") == self.email)


def _certificate(key: rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + 30 * _DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)
