"""All that a digest tells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from runwatch.core.alerts.policy import Prices
from runwatch.core.digest.jobs import cost_of, rate
from runwatch.core.digest.message import DigestAlerts, DigestJob, DigestPoller, DigestTotals
from runwatch.core.digest.period import Period
from runwatch.core.digest.sums import JobSum, Sums
from runwatch.core.ids import AlertThread, Audience, Source
from runwatch.core.messages import id_from
from runwatch.core.tracked import Left

__all__ = ["Digest", "poller_of", "totals_of"]


@dataclass(frozen=True)
class Digest:
    source: Source
    period: Period
    totals: DigestTotals
    jobs: Sequence[DigestJob]
    """All of them, the most interesting first."""
    alerts: DigestAlerts
    """With all that are open."""
    poller: DigestPoller
    made_at: datetime

    @property
    def is_quiet(self) -> bool:
        """Nothing happened."""
        totals, alerts = self.totals, self.alerts
        happened = (totals.runs, totals.lost, totals.quarantined, totals.untracked, totals.unreadable)
        return not any((*happened, alerts.opened, alerts.resolved, alerts.open))

    def thread(self, audience: Audience) -> AlertThread:
        return AlertThread(self.source, self.period.id, audience)

    def message_id(self, audience: Audience) -> str:
        """Not made of what was counted: a digest that is made anew is the same message."""
        return id_from(str(self.thread(audience)))


def totals_of(sums: Sums, total: JobSum, prices: Prices, watched: int) -> DigestTotals:
    cost = cost_of(total, prices)
    return DigestTotals(
        runs=total.runs,
        succeeded=total.succeeded,
        failed=total.failed,
        cancelled=total.cancelled,
        other=total.runs - total.succeeded - total.failed - total.cancelled,
        success_rate=rate(total),
        attempts=total.attempts,
        failed_attempts=total.failed_attempts,
        vcpu_hours=total.used.vcpu,
        memory_gb_hours=total.used.memory_gb,
        storage_gb_hours=total.used.storage_gb,
        cost=cost,
        currency=prices.currency if cost is not None else None,
        lost=sums.left[Left.LOST],
        quarantined=sums.left[Left.QUARANTINED],
        untracked=sums.left[Left.UNTRACKED],
        unreadable=sums.unreadable,
        watched=watched,
        jobs=len(sums.jobs),
    )


def poller_of(period: Period, missed: int | None, figures: Mapping[str, float], unknown: str | None) -> DigestPoller:
    """`figures`: sums by the names of DigestPoller's fields; none where `unknown` says why."""
    counted = {name: round(figure) for name, figure in figures.items()}
    return DigestPoller(ticks_expected=period.minutes, native_events_missed=missed, unknown=unknown).model_copy(
        update=counted
    )
