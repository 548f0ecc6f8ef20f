"""Which scripted fault, if any, meets a call.

The first fault that fits wins, and one that is limited to so many times is used up by the calls it meets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from simulator.scenario import Fault, GeneralFault, Script


@dataclass
class _Pending:
    fault: Fault
    since: datetime
    until: datetime | None
    application: str | None
    run: str | None
    left: int | None

    def meets(self, operation: str, params: Mapping[str, object], now: datetime) -> bool:
        return (
            self.left != 0
            and self.fault.api in ("*", operation)
            and self.since <= now
            and (self.until is None or now < self.until)
            and self.application in (None, params.get("applicationId"))
            and self.run in (None, params.get("jobRunId"))
        )


class Faults:
    def __init__(self) -> None:
        self._pending: list[_Pending] = []

    def of_scenario(self, general: tuple[GeneralFault, ...], start: datetime) -> None:
        """Add those of the whole."""
        self._pending.extend(_pending(fault, start, fault.application, fault.run) for fault in general)

    def of_run(self, script: Script, application: str, run: str, created_at: datetime) -> None:
        """Add the faults that a run brings with it."""
        self._pending.extend(_pending(fault, created_at, application, run) for fault in script.faults)

    def strike(self, operation: str, params: Mapping[str, object], now: datetime) -> Fault | None:
        for pending in self._pending:
            if pending.meets(operation, params, now):
                if pending.left is not None:
                    pending.left -= 1
                return pending.fault
        return None


def _pending(fault: Fault, origin: datetime, application: str | None, run: str | None) -> _Pending:
    return _Pending(
        fault=fault,
        since=origin + timedelta(seconds=fault.since),
        until=None if fault.until is None else origin + timedelta(seconds=fault.until),
        application=application,
        run=run,
        left=fault.times,
    )
