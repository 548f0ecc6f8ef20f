"""What a round has to find out of each watched run, and what can tell it.

| the run                                             | what can tell                                                  |
| --------------------------------------------------- | -------------------------------------------------------------- |
| is under way                                        | a list or GetJobRun                                            |
| FAILED, and AWS may retry it                        | the same; GetJobRun as soon as it is too late for a retry      |
| is over, and waits for its bill                     | GetJobRun, every five minutes and when the wait is over        |
| was never seen, is not found, or owes old news      | GetJobRun                                                      |

A bill is in no hurry: it comes with the summary of the run, minutes after its end, and the native event of it leads to
a look at once.
"""

from datetime import datetime, timedelta
from enum import Enum, auto

from runwatch.core.decision import Patience
from runwatch.core.states import is_terminal
from runwatch.core.tracked import TrackedRun

__all__ = ["Due", "due"]

BILL_EVERY = timedelta(minutes=5)


class Due(Enum):
    NOT = auto()
    FOR_A_GET = auto()
    """Only GetJobRun can tell what is to be known."""
    FOR_EITHER = auto()
    """A list can tell whether there is news."""


def due(record: TrackedRun, got_at: datetime | None, now: datetime, patience: Patience) -> Due:
    """What to find out now; `got_at`: when GetJobRun last told of the run, None if nobody remembers."""
    if record.state is None or record.trouble is not None or record.ending_unread_since is not None:
        return Due.FOR_A_GET
    if not is_terminal(record.state):
        return Due.FOR_EITHER if record.created_at is not None else Due.FOR_A_GET
    seen_at = max(moment for moment in (got_at, record.state_seen_at, record.tracked_at) if moment is not None)
    if now - seen_at >= BILL_EVERY or _wait_is_over(record, seen_at, now, patience):
        return Due.FOR_A_GET
    return Due.FOR_EITHER if record.retry_expected and record.created_at is not None else Due.NOT


def _wait_is_over(record: TrackedRun, seen_at: datetime, now: datetime, patience: Patience) -> bool:
    """Whether there has been no look since the run has waited long enough, so that the next one settles it."""
    if record.state_seen_at is None:
        return True
    waits = (patience.for_bill, patience.for_retry) if record.retry_expected else (patience.for_bill,)
    return any(seen_at < record.state_seen_at + wait <= now for wait in waits)
