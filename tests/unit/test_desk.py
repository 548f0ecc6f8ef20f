"""Where alerts open and resolve."""

from runwatch.core.alerts.book import Book, ResolvedBy
from runwatch.core.alerts.desk import Desk
from runwatch.core.alerts.policy import Policy
from runwatch.core.alerts.rules import Rule
from tests.alerting import a_failure
from tests.builders import RUN, SOURCE, at


def test_an_alert_that_fires_again_is_resolved_by_nobody():
    """It was resolved in this round, and people were not notified yet."""
    known = a_failure().changed(
        resolved_at=at(20), resolution="a run succeeded", resolved_by=ResolvedBy(run=RUN.arn, state="SUCCESS")
    )
    desk = Desk(SOURCE, Policy(), at(21), Book(alerts={known.key: known}))
    limits = desk.limits(known.about, {})
    desk.fire(Rule.RUN_FAILED, known.about, limits, since=at(21), reason="FAILED", anew=True)
    again = desk.book.alerts[known.key]
    assert (again.resolved_at, again.resolution, again.resolved_by) == (None, None, None)
