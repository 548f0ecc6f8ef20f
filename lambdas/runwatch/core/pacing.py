"""How the functions share what we take of a source's quotas; and what a container of the poller remembers of it.

| of GetJobRun                                                        | takes it                                       |
| ------------------------------------------------------------------- | ---------------------------------------------- |
| the inbox's share, in three equal parts                             | two inboxes, and the looks of a discovery      |
| the rest                                                            | the poller's rounds                            |

| of ListJobRuns                                                      | takes it                                       |
| ------------------------------------------------------------------- | ---------------------------------------------- |
| two fifths, where there is discovery                                | a discovery                                    |
| the rest                                                            | the poller's rounds                            |

Invocations run side by side in containers that know nothing of one another, so each has a part of its own, and all
parts together are never more than the share.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from runwatch.core.rate import GET_JOB_RUN, LIST_JOB_RUNS, Quota, Rate
from runwatch.core.turns import Turns

__all__ = ["Pacing", "Shares"]

SIGHTED_BY = 3
"""Two invocations of the inbox, which is the least that Lambda's scaling of a queue allows, and a discovery."""
DISCOVERY = 0.4


@dataclass(frozen=True)
class Shares:
    """Of one source's quotas, for one invocation each."""

    round_gets: Quota
    round_pages: Quota
    sighting_gets: Quota
    discovery_pages: Quota

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
        )


@dataclass
class Pacing:
    """Of one source, as long as the container is warm."""

    gets: Rate
    pages: Rate
    turns: Turns
    sweep_whenever_possible: bool = False

    @classmethod
    def of(cls, shares: Shares, now: datetime, *, sweep_whenever_possible: bool) -> Self:
        return cls(Rate(shares.round_gets), Rate(shares.round_pages), Turns(now), sweep_whenever_possible)


def _for_sure(quota: Quota) -> Quota:
    """Calls that are begun evenly arrive unevenly: one is left out of what may come at once."""
    return _one_at_least(quota._replace(burst=quota.burst - 1))


def _one_at_least(quota: Quota) -> Quota:
    return quota._replace(burst=max(quota.burst, 1.0)) if quota.a_second else quota
