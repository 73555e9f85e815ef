"""A bucket in moto for ZenML's S3 artifact store, which remote orchestrators ask for."""

from __future__ import annotations

import secrets
import threading
from typing import Any

KEYS = {"key": "AKIAIOSFODNN7EXAMPLE", "secret": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
REGION = "eu-central-1"


class S3Bucket:
    """Use it as a context manager: the bucket is there as long as the block lasts."""

    def __init__(self) -> None:
        self._server: Any = None
        # Moto's state is the process's.
        self._name = f"zenml-{secrets.token_hex(4)}"

    def __enter__(self) -> S3Bucket:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        import boto3

        boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=KEYS["key"],
            aws_secret_access_key=KEYS["secret"],
        ).create_bucket(Bucket=self._name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of an artifact store of flavor ``s3``."""
        client = {"endpoint_url": self.url, "region_name": REGION}
        return {"path": f"s3://{self._name}", **KEYS, "client_kwargs": client}
