"""The applications of one source, asked for within our share of AWS's quota, and remembered.

AWS allows ten GetApplication calls a second to everybody in an account and Region together. A thousand events of one
application must not cost a thousand calls, so each answer is remembered, and so is the answer that there is none:

| the answer                               | is remembered for |
| ---------------------------------------- | ----------------- |
| the application                          | 15 minutes        |
| there is no such application             | a minute          |
| throttled, denied, unavailable           | 30 seconds        |

Where our share is used up the call is not made: QuotaShareUsed says so, and says when to ask again. Nothing here waits.
The caller decides: the inbox leaves the message to its queue, discovery waits, alerting goes on without a name.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from runwatch.core.failures import Failure
from runwatch.core.ids import Source
from runwatch.core.plan import ALWAYS, Span
from runwatch.core.rate import Quota, Rate
from runwatch.core.watch import Application
from runwatch.errors import ListFailed, QuotaShareUsed
from runwatch.ports import Catalogue, Clock, ListedRun, Page

__all__ = ["PacedCatalogue"]

FOUND_FOR = timedelta(minutes=15)
MISSING_FOR = timedelta(minutes=1)
FAILED_FOR = timedelta(seconds=30)
REMEMBERED_AT_MOST = 1000
"""Answers. Whoever may write to the inbox can name any number of applications that do not exist."""

Answer = TypeVar("Answer")


class _Remembered(NamedTuple):
    until: datetime
    answer: Application | ListFailed | None


class PacedCatalogue:
    """A catalogue that keeps to `share`, of GetApplication and of ListApplications each; `runs` has its own rates."""

    def __init__(self, catalogue: Catalogue, share: Quota, source: Source, clock: Clock) -> None:
        self._catalogue = catalogue
        self._source = source
        self._clock = clock
        self._lists, self._gets = Rate(share), Rate(share)
        self._remembered: dict[str, _Remembered] = {}

    def applications(self, token: str | None) -> Page[Application]:
        return self._paced("ListApplications", self._lists, lambda: self._catalogue.applications(token))

    def application(self, application_id: str) -> Application | None:
        remembered = self._remembered.get(application_id)
        if remembered is None or self._clock() >= remembered.until:
            remembered = self._ask(application_id)
        answer = remembered.answer
        if isinstance(answer, ListFailed):
            raise ListFailed(answer.failure, answer.operation, answer.source, answer.cause) from answer
        return answer

    def runs(
        self, application_id: str, states: Sequence[str], token: str | None, created: Span = ALWAYS
    ) -> Page[ListedRun]:
        return self._catalogue.runs(application_id, states, token, created)

    def _ask(self, application_id: str) -> _Remembered:
        answer: Application | ListFailed | None
        try:
            answer = self._paced("GetApplication", self._gets, lambda: self._catalogue.application(application_id))
            lasts = MISSING_FOR if answer is None else FOUND_FOR
        except QuotaShareUsed:
            raise
        except ListFailed as error:
            answer, lasts = error, FAILED_FOR
        if len(self._remembered) >= REMEMBERED_AT_MOST:
            self._remembered.clear()
        remembered = self._remembered[application_id] = _Remembered(self._clock() + lasts, answer)
        return remembered

    def _paced(self, operation: str, rate: Rate, call: Callable[[], Answer]) -> Answer:
        began_at = self._clock()
        if not rate.take(began_at):
            raise QuotaShareUsed(operation, self._source, rate.wait(began_at))
        try:
            return call()
        except ListFailed as error:
            if error.failure is Failure.THROTTLED:
                rate.throttled(began_at, self._clock())
            raise
