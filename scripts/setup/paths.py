"""Where set-up keeps things."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"
VENV = ROOT / ".venv"


def cache() -> Path:
    """The folder for all that is downloaded or built: PULUMI_ZENML_CACHE, or one in ~/.cache."""
    override = os.environ.get("PULUMI_ZENML_CACHE")
    return Path(override).absolute() if override else Path.home() / ".cache" / "pulumi-zenml"


def binaries() -> Path:
    """The folder for programs, meant for PATH."""
    return cache() / "bin"


def build(name: str) -> Path:
    """The folder in which the part `name` builds."""
    return cache() / "build" / name


def log(name: str) -> Path:
    """The log file of the part `name`."""
    return cache() / "logs" / f"{name}.log"
