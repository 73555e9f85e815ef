"""Remember what was made from what, so that a second run has nothing to do."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path


def digest(*inputs: str | Path) -> str:
    """Return a hash of texts and of the contents of files, for this machine's kind."""
    sum_ = hashlib.sha256(f"{platform.system()} {platform.machine()}".encode())
    for item in inputs:
        data = item.read_bytes() if isinstance(item, Path) else item.encode()
        sum_.update(hashlib.sha256(data).digest())
    return sum_.hexdigest()


def is_fresh(stamp: Path, wanted: str, *products: Path) -> bool:
    """Whether the stamp holds this digest and every product is there."""
    try:
        return stamp.read_text(encoding="ascii") == wanted and all(p.exists() for p in products)
    except FileNotFoundError:
        return False


def write(stamp: Path, value: str) -> None:
    """Write a stamp, once its products are whole."""
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(value, encoding="ascii")
