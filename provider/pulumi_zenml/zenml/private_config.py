"""A ZenML configuration folder of this process's own, so that the user's stays as it is.

ZenML's client writes the server it talks to, the active project and its credentials into its
configuration folder (zenml 0.98 config.global_config, login.credentials_store). Where Pulumi
configuration or the environment names the server, that folder must not be the user's.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

# The name without a prefix is what zenml 0.98 reads (constants.py); the other was documented.
NO_CREDENTIALS_ON_DISK = (
    "DISABLE_CREDENTIALS_DISK_CACHING",
    "ZENML_DISABLE_CREDENTIALS_DISK_CACHING",
)

_COPIED = ("user_id", "version", "analytics_opt_in")
_ACTIVE = ("active_project_id", "active_stack_id")
_USED: list[Path] = []


def user_folder() -> Path:
    """The user's own ZenML configuration folder."""
    if path := os.environ.get("ZENML_CONFIG_PATH"):
        return Path(path)
    import click

    return Path(click.get_app_dir("zenml"))


def user_config() -> dict[str, object]:
    """What the user's ``config.yaml`` says; empty where there is none or it cannot be read."""
    # Reading a few lines of YAML spares an import of zenml, which takes seconds.
    import yaml

    try:
        loaded = yaml.safe_load((user_folder() / "config.yaml").read_text())
    except (OSError, yaml.YAMLError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def configured_url() -> str:
    """The server that the user's ZenML configuration names; empty for a local store."""
    store = user_config().get("store")
    url = store.get("url", "") if isinstance(store, dict) else ""
    return url if isinstance(url, str) and url.startswith("http") else ""


def use_private_folder(*, with_login: bool, with_active: bool) -> None:
    """Point ZenML, not yet imported, at a new folder that is removed when this process ends.

    Does nothing the second time.

    Args:
        with_login: what ``zenml login`` stored for the user is used, in the user's own file.
        with_active: the user's active project and stack are taken over.
    """
    if _USED:
        return
    import yaml

    theirs = user_folder()
    keys = (*_COPIED, *_ACTIVE) if with_active else _COPIED
    kept = {key: value for key, value in user_config().items() if key in keys}
    folder = Path(tempfile.mkdtemp(prefix="pulumi-zenml-"))
    _USED.append(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(kept))
    login = theirs / "credentials.yaml"
    if with_login and login.exists():
        (folder / login.name).symlink_to(login.resolve())
    os.environ["ZENML_CONFIG_PATH"] = str(folder)
    # A repository's own configuration (.zen) would be rewritten too.
    os.environ["ZENML_REPOSITORY_PATH"] = str(folder)
