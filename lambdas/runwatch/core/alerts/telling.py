"""What people are told at once: one alert, or several that came together, and what became of them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from runwatch.core.alerts.book import Alert

__all__ = ["Change", "Telling"]


class Change(StrEnum):
    OPENED = "opened"
    REPEATED = "repeated"
    """It is still so."""
    ESCALATED = "escalated"
    """It has been so for so long that it is graver by now."""
    CHANGED = "changed"
    """It is about something else by now: another error, or more than one job."""
    RESOLVED = "resolved"


@dataclass(frozen=True)
class Telling:
    change: Change
    at: datetime
    alerts: tuple[Alert, ...]
    """Told together. The first leads: its id is that of the message, and of all later ones about the same."""
    members: tuple[Alert, ...] = ()
    """Those that it stands for, if it is about an application: open ones, at the end those that are not over."""

    @property
    def leading(self) -> Alert:
        return self.alerts[0]

    @property
    def is_over(self) -> bool:
        return self.change is Change.RESOLVED
