"""What is not shown: credentials of the configuration and the environment, and logins in URLs."""

from __future__ import annotations

import pytest

from pulumi_zenml.cadence.model import Native
from pulumi_zenml.errors import InternalError, UnauthenticatedError, UnreachableError
from pulumi_zenml.json_types import Json
from pulumi_zenml.orchestrators.counterpart import Counterpart
from pulumi_zenml.schedule.engine_log import EngineLog
from pulumi_zenml.schedule.host import Host
from pulumi_zenml.zenml.connection import Connection, probe
from pulumi_zenml.zenml.masking import masked, secrets_in, without_login

ENVIRONMENT = {
    "ZENML_STORE_API_KEY": "ZENKEY_env",
    "ZENML_STORE_API_TOKEN": "ey-token",
    "ZENML_STORE_PASSWORD": "pass-0",
}
OVERRIDES: dict[str, dict[str, Json]] = {
    "airflow": {"api_url": "plain", "username": "someone", "password": "pass-1"},
    "kubeflow": {"client_args": {"cookies": "cook-2", "host": "kfp"}, "host_key": "ssh-ed25519"},
    "databricks": {"client_secret": ["dose-3"], "aws_secret_access_key": "key-4"},
}


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Connection:
    """One with a secret in every place."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return Connection(api_key="ZENKEY_abc", orchestrators=OVERRIDES)


def test_which_values_are_secrets(connection: Connection) -> None:
    given = ["pass-1", "cook-2", "dose-3", "key-4"]
    assert list(secrets_in(OVERRIDES)) == given
    assert connection.secrets() == ["ZENKEY_abc", *ENVIRONMENT.values(), *given]
    for secret in connection.secrets():
        assert secret not in repr(connection)


def test_no_secret_is_shown(connection: Connection) -> None:
    said = f"{' '.join(connection.secrets())} plain someone https://me:word@host/x"
    hidden = " ".join(["[secret]"] * len(connection.secrets()))
    expected = f"{hidden} plain someone https://[secret]@host/x"
    assert masked(said, connection.secrets()) == expected


def test_a_secret_may_be_a_part_of_another() -> None:
    assert masked("long-secret", ["long", "long-secret"]) == "[secret]"
    assert masked("a b", ["a", "b"]) == "a b"


def test_a_login_in_a_url() -> None:
    assert without_login("https://me:w@host/x and http://h") == "https://host/x and http://h"
    url = "https://me:word@airflow/dags/x"
    page = Counterpart("x", Native("daily"), None, False, None, url=url).url
    assert page == "https://airflow/dags/x"
    with pytest.raises(UnreachableError, match=r"^ZenML: 'host:80' is not .* https://host:80 or"):
        probe("me:word@host:80")


def test_errors_and_messages_of_a_provider(
    connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    host = Host(connection, EngineLog())
    host.say("the server said pass-1 and ZENKEY_abc", {})
    assert capsys.readouterr().out == "zenml: the server said [secret] and [secret]\n"
    with pytest.raises(InternalError, match=r"KeyError: '\[secret\]'") as caught, host.errors():
        raise KeyError("cook-2")
    assert "cook-2" not in str(caught.value)
    with pytest.raises(UnauthenticatedError, match=r"\[secret\] is wrong"), host.errors():
        raise UnauthenticatedError("ZenML", "ZENKEY_env is wrong")


def test_what_a_refresh_and_a_destroy_are_told_of_the_configuration() -> None:
    host = Host(Connection(), EngineLog())
    error = UnauthenticatedError("ZenML", "Check 'zenml:apiKey'.")
    with pytest.raises(UnauthenticatedError) as told, host.errors(of_state=True):
        raise error
    assert "run 'pulumi refresh --run-program' first" in str(told.value)
    with pytest.raises(UnauthenticatedError) as told, host.errors(of_state=True):
        raise UnauthenticatedError("Kubernetes", "The token has expired.")
    assert "--run-program" not in str(told.value)
    with pytest.raises(UnauthenticatedError) as told, host.errors():
        raise UnauthenticatedError("ZenML", "Check 'zenml:apiKey'.")
    assert "--run-program" not in str(told.value)
