"""What a command said, for the tests that run it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Said:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def findings(self) -> set[tuple[str, str]]:
        """Code and schedule (or native id where there is none) of every finding."""
        found = self.json["findings"]
        return {(it["code"], it["schedule"] or it["native_id"]) for it in found}
