"""Log lines and metrics, by Powertools. Every name that a dashboard, an alarm or a saved query relies on is here."""

from enum import StrEnum

__all__ = ["NAMESPACE", "Metric"]

NAMESPACE = "Runwatch"
"""CloudWatch namespace. Every metric has the dimensions `service` (poller, inbox) and `source` (account/region)."""


class Metric(StrEnum):
    """Counts per tick or inbox batch, except where a unit is named."""

    TICKS = "Ticks"
    """The heartbeat: one for every tick that came to its end."""
    WATCHED = "RunsWatched"
    LOOKED = "RunsLooked"
    CHANGED = "RunsChanged"
    PUBLISHED = "MessagesPublished"
    OWED = "MessagesOwed"
    OLDEST_OWED = "OldestOwedAge"
    """Seconds since the oldest entry that is still owed was recorded; 0 when nothing is owed."""
    STALE = "StaleReplies"
    UNEXPECTED = "UnexpectedTransitions"
    THROTTLED = "LooksThrottled"
    UNAVAILABLE = "LooksUnavailable"
    DENIED = "LooksDenied"
    NOT_FOUND = "LooksNotFound"
    REJECTED = "LooksRejected"
    LOST_RACES = "LostRaces"
    CUT_SHORT = "TicksCutShort"
    REFUSED = "InboxRefused"
    """Inbox messages that no second try can make right."""
