"""Files that many write at once: each is there as a whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4


def write(path: Path, body: Mapping[str, Any]) -> None:
    part = path.with_name(f".{uuid4().hex}.part")
    part.write_text(json.dumps(body))
    part.replace(path)


def read(path: Path) -> dict[str, Any] | None:
    """What a file says; None when it has just been removed."""
    try:
        body: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return body
