"""What an audit checks, and how strictly."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True)
class AuditOptions:
    """The filters and thresholds of an audit.

    Args:
        since: check fires from this instant, aware, and record nothing; ``None`` for those since
            the last audit.
        lookback: how far back to check a schedule that no audit has checked before.
        grace: how long after its fire a run may become visible.
        failing: this many failed runs in a row are a finding.
        long_running: a run in progress for longer is a finding; so is one that is still in
            progress when its schedule fires again.
        crowded: this many starts in one minute are a finding.
        expiring: credentials that expire sooner are a finding.
        only: codes to report; empty for all.
        ignore: codes not to report; the drift percentage leaves them out too.
    """

    since: datetime | None = None
    lookback: timedelta = timedelta(hours=24)
    grace: timedelta = timedelta(minutes=15)
    failing: int = 3
    long_running: timedelta = timedelta(hours=6)
    crowded: int = 10
    expiring: timedelta = timedelta(days=7)
    only: frozenset[str] = field(default_factory=frozenset)
    ignore: frozenset[str] = field(default_factory=frozenset)

    def reports(self, code: str) -> bool:
        """Whether findings of this kind are wanted."""
        return code not in self.ignore and (not self.only or code in self.only)
