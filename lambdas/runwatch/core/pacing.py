"""How the functions share what we take of a source's quotas; and what a container of the poller remembers of it.

| of GetJobRun                                                        | takes it                                       |
| ------------------------------------------------------------------- | ---------------------------------------------- |
| the inbox's share, in three equal parts                             | two inboxes, and the looks of a discovery      |
| the rest                                                            | the poller's rounds                            |

| of ListJobRuns                                                      | takes it                                       |
| ------------------------------------------------------------------- | ---------------------------------------------- |
| two fifths, where there is discovery                                | a discovery                                    |
| the rest                                                            | the poller's rounds                            |
| all of it, while so few runs are under way that no round lists any  | a discovery                                    |

| of GetApplication, and of ListApplications                          | takes it                                       |
| ------------------------------------------------------------------- | ---------------------------------------------- |
| five equal parts                                                    | two inboxes, a discovery, two ticks            |

Invocations run side by side in containers that know nothing of one another, so each has a part of its own, and all
parts together are never more than the share.

EventBridge Scheduler is precise to a minute, so a tick can begin up to a minute late and run beside the next one, which
then has another container. Never three: no tick makes a call later than 57 seconds into the minute after its own. Each
of two takes half of the rounds' part while they may overlap: a tick whose minute is over, and a tick whose container
did not make the tick before, since that may still be under way. So the rounds together never take more than their rate,
and a burst and a half.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from runwatch.core.rate import APPLICATIONS, GET_JOB_RUN, LIST_JOB_RUNS, Quota, Rate
from runwatch.core.turns import Turns

__all__ = ["A_MINUTE", "Pacing", "Shares"]

A_MINUTE = timedelta(minutes=1)
"""From one tick to the next."""
SIGHTED_BY = 3
"""Two invocations of the inbox, which is the least that Lambda's scaling of a queue allows, and a discovery."""
DISCOVERY = 0.4
ASK_FOR_APPLICATIONS = 5
"""Two inboxes, a discovery, and two ticks that overlap."""


@dataclass(frozen=True)
class Shares:
    """Of one source's quotas, for one invocation each."""

    round_gets: Quota
    round_pages: Quota
    sighting_gets: Quota
    discovery_pages: Quota
    idle_pages: Quota
    """For a discovery while no round lists anything."""
    applications: Quota
    """Of GetApplication, and the same of ListApplications."""

    @classmethod
    def of(cls, quota_share: float, share_of_looks: float, *, discovers: bool) -> Self:
        """`quota_share`: what we take of AWS's quotas; `share_of_looks`: how much of its gets sightings may cause."""
        gets, pages = GET_JOB_RUN.part(quota_share), LIST_JOB_RUNS.part(quota_share)
        discovery = DISCOVERY if discovers else 0.0
        return cls(
            round_gets=_for_sure(gets.part(1 - share_of_looks)),
            round_pages=_for_sure(pages.part(1 - discovery)),
            sighting_gets=_one_at_least(gets.part(share_of_looks / SIGHTED_BY)),
            discovery_pages=_one_at_least(pages.part(discovery)),
            idle_pages=_one_at_least(pages.part(1 if discovers else 0)),
            applications=_one_at_least(APPLICATIONS.part(quota_share / ASK_FOR_APPLICATIONS)),
        )

    def rounds_list(self, under_way: int) -> bool:
        """Whether rounds list anything while so many runs are under way, as long as lists do not come first anyway.

        What can be got at once is got, and of two ticks that overlap each has half of the burst.
        """
        return under_way > self.round_gets.burst / 2


@dataclass
class Pacing:
    """Of one source, as long as the container is warm."""

    gets: Rate
    pages: Rate
    turns: Turns
    sweep_whenever_possible: bool = False
    ticks_for: datetime | None = None
    """When the last tick that this container made was due; None if nobody knows."""

    def begin_tick(self, scheduled_at: datetime | None) -> None:
        """Take half of the share while another tick may be under way; all of it if nobody knows when this one was due.

        The tick before is over if this container made it, and the next one is not due before the minute is over.
        """
        before, self.ticks_for = self.ticks_for, scheduled_at
        alone_until = None
        if scheduled_at is not None:
            made_the_one_before = before is not None and timedelta() < scheduled_at - before < 1.5 * A_MINUTE
            alone_until = scheduled_at + A_MINUTE if made_the_one_before else scheduled_at
        for rate in (self.gets, self.pages):
            rate.alone_until = alone_until

    @classmethod
    def of(cls, shares: Shares, now: datetime, *, sweep_whenever_possible: bool) -> Self:
        return cls(Rate(shares.round_gets), Rate(shares.round_pages), Turns(now), sweep_whenever_possible)


def _for_sure(quota: Quota) -> Quota:
    """Calls that are begun evenly arrive unevenly: one is left out of what may come at once."""
    return _one_at_least(quota._replace(burst=quota.burst - 1))


def _one_at_least(quota: Quota) -> Quota:
    return quota._replace(burst=max(quota.burst, 1.0)) if quota.a_second else quota
