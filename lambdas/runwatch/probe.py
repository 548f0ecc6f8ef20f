"""The probe: find out whether new runs of a source could be found, where the looks of a round do not say.

A look tells that GetJobRun answers. Whether a run that started meanwhile can be found depends on ListApplications and
ListJobRuns, which discovery calls in an invocation of its own. So the tick asks once for each of them before anybody is
told that an expected job did not start: each minute while nothing else is looked at, and else as often as discovery.
"""

from datetime import timedelta

from runwatch.core.alerts.sight import Sight
from runwatch.core.failures import Failure
from runwatch.core.ids import Source
from runwatch.core.pacing import Pacing
from runwatch.core.turns import Probed
from runwatch.errors import ListFailed
from runwatch.ports import Ports
from runwatch.round import UNDER_WAY

__all__ = ["probe"]

IDLE, BUSY = timedelta(minutes=1), timedelta(minutes=5)
"""How long an answer counts while nothing is looked at, and while looks tell as well."""


def probe(ports: Ports, source: Source, pacing: Pacing, sight: Sight) -> None:
    """Add to the sight of a round whether the lists can be read. A container keeps the answer for some minutes."""
    if ports.watch(source).is_for_nothing:
        return  # Nobody discovers runs here; a request names its run, which is then looked at.
    now, known = ports.clock(), pacing.turns.probed
    nothing_seen = not sight.told and not sight.failed.total()
    if known is None or not timedelta() <= now - known.at < (IDLE if nothing_seen else BUSY):
        if not pacing.pages.take(now):
            return
        known = pacing.turns.probed = _probed(ports, source, pacing)
    if known.failure is None:
        sight.lists_read = True
        sight.told += nothing_seen
    elif known.failure in (Failure.DENIED, Failure.UNAVAILABLE):
        sight.lists_failed = known.failure
        sight.causes.setdefault(known.failure, known.cause)
        sight.failed[known.failure] += nothing_seen


def _probed(ports: Ports, source: Source, pacing: Pacing) -> Probed:
    """List the applications, and the runs of one of them."""
    watch, catalogue, began_at = ports.watch(source), ports.catalogue(source), ports.clock()
    try:
        listed = catalogue.applications(None).rows
        wanted = next((each for each in listed if watch.may_want(each)), None)
        if wanted is not None:
            catalogue.runs(wanted.id, UNDER_WAY, None)
    except ListFailed as error:
        if error.failure is Failure.THROTTLED and error.operation == "ListJobRuns":
            pacing.pages.throttled(began_at, ports.clock())
        ports.journal.list_failed(error)
        return Probed(began_at, error.failure, error.cause)
    return Probed(began_at)
