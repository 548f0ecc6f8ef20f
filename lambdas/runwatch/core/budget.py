"""A share of a quota: a token bucket, as AWS's own limits are (EMR Serverless user guide, "Endpoints and quotas")."""

from dataclasses import dataclass, field
from datetime import datetime

__all__ = ["TokenBucket"]


@dataclass
class TokenBucket:
    rate: float
    """Calls a second that it is filled with."""
    burst: float
    """Calls that it holds; it is full at first."""
    _left: float = field(init=False)
    _filled_at: datetime | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._left = self.burst

    def take(self, now: datetime) -> bool:
        """Take one call; false if there is none left. A clock that goes back fills nothing."""
        passed = (now - self._filled_at).total_seconds() if self._filled_at else 0.0
        self._filled_at = now
        self._left = min(self.burst, self._left + max(passed, 0.0) * self.rate)
        if self._left < 1:
            return False
        self._left -= 1
        return True
