"""Zips of DAGs as a person with a zip tool sees them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulumi_zenml.json_types import Json


def read_config(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        config: dict[str, Any] = json.loads(archive.read("config.json"))
    return config


def edit_config(path: Path, **keys: Json) -> None:
    """Change keys of ``config.json`` as a person with a zip tool would."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["config.json"] = json.dumps({**json.loads(files["config.json"]), **keys}).encode()
    write_zip(path, files)


def write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    part = path.with_name(f".{path.name}")
    with zipfile.ZipFile(part, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    part.replace(path)
