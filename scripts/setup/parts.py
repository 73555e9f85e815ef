"""The parts of set-up by name, and what each command needs."""

from __future__ import annotations

from collections.abc import Callable

from . import cron_engines, engine, kubernetes, python_env, services

PARTS: dict[str, Callable[[], object]] = {
    "uv": python_env.install_uv,
    "quickstart-env": python_env.install_quickstart,
    "dev-env": python_env.install_development,
    "docs-env": python_env.install_docs,
    "engine": engine.install,
    "etcd": services.install_etcd,
    "ssh-host": services.install_ssh_host,
    "browser": services.install_browser,
    "airflow": services.install_airflow,
    "kubernetes": kubernetes.install,
    "cron-engines": cron_engines.install,
}

# For each make target, in an order that fails early: what is quick to find missing comes first.
GROUPS: dict[str, tuple[str, ...]] = {
    "check": ("dev-env",),
    "docs": ("docs-env",),
    "quickstart": ("quickstart-env", "engine"),
    "setup": ("dev-env", "engine"),
    "test": tuple(name for name in PARTS if name not in ("docs-env", "quickstart-env")),
}
