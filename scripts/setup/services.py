"""Real services that tests start: etcd, Airflow, a browser, and an SSH host with cron and at."""

from __future__ import annotations

from . import paths, python_env, system

AIRFLOW_VENV = "airflow"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
"""What a browser that chromedriver can drive is called, the one that comes with it first."""


def install_etcd() -> None:
    """Make sure that etcd is there: the store of the Kubernetes API server.

    Raises:
        SetupError: It is not there and cannot be installed from here.
    """
    system.ensure(
        "etcd",
        programs=["etcd"],
        packages=["etcd-server"],
        instead="install etcd 3.4 or newer (https://etcd.io) and put it on PATH",
    )


def install_airflow() -> None:
    """Make an environment for Airflow 3: its packages and ZenML's do not go together.

    Raises:
        SetupError: Python cannot make environments, or a package cannot be fetched.
    """
    python_env.make(paths.cache() / AIRFLOW_VENV, paths.REQUIREMENTS / "airflow.txt")


def install_browser() -> None:
    """Make sure that there is a Chromium or Chrome, and the driver for it.

    Raises:
        SetupError: They are not there and cannot be installed from here.
    """
    found = next((name for name in BROWSERS if system.find(name)), BROWSERS[0])
    system.ensure(
        "a browser",
        programs=[found, "chromedriver"],
        packages=["chromium", "chromium-driver"],
        instead="install Chromium or Chrome, and the chromedriver of the same version",
    )


def install_ssh_host() -> None:
    """Make sure that sshd, cron and at are there.

    Raises:
        SetupError: They are not there and cannot be installed from here.
    """
    system.ensure(
        "an SSH host with cron and at",
        programs=["sshd", "ssh-keygen", "cron", "crontab", "atd", "at"],
        packages=["openssh-server", "openssh-client", "cron", "at"],
        instead="install openssh-server, cron and at",
    )
