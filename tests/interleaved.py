"""Flows that run at the same time, one call at a time: whoever holds the switch decides who makes the next call.

Each flow is a greenlet, so a flow that waits at a call waits there until it is let go, and everything happens in one
thread, in an order that can be repeated. At each call it can also meet a fault, or die.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from greenlet import getcurrent, greenlet

from runwatch.errors import ListFailed, LostRace, StoreUnavailable
from tests.world import Crash


class Fault(StrEnum):
    """What a call can meet instead of its answer."""

    DIES_BEFORE = "the process dies before the call"
    DIES_AFTER = "the process dies after the call took effect"
    FAILS_BEFORE = "the call fails"
    FAILS_AFTER = "the call takes effect, and its answer is lost"
    LAGS = "the answer is an old one"
    BLIPS = "the answer is wrong for once"


class Flow:
    """One invocation of a function. `waits_at` is the call that it is about to make, None once it has ended."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.waits_at: str | None = None
        self.is_late = False
        self.met_faults = False
        self.answer: Any = None
        self.ended_by: BaseException | None = None
        self._fault: Fault | None = None

    def begin(self, work: Callable[[], object]) -> None:
        """Run to the first call."""
        self._greenlet = greenlet(work)
        self._go()

    @property
    def went_well(self) -> bool:
        """It ended, and nothing hindered it."""
        return self.waits_at is None and self.ended_by is None and not (self.met_faults or self.is_late)

    def go(self, fault: Fault | None = None) -> None:
        """Make the call, and run to the next one. A flow that has ended stays ended."""
        if self.waits_at is None:
            return
        self._fault = fault
        self.met_faults |= fault is not None
        self._go()

    def go_up_to(self, call: str) -> None:
        """Run until it waits at a call of this name."""
        while self.waits_at not in (None, call):
            self.go()

    def at(self, call: str) -> Fault | None:
        """Called from within: wait here, and answer with the fault that the call is to meet."""
        self.waits_at = call
        getcurrent().parent.switch()
        return self._fault

    def _go(self) -> None:
        self.waits_at = None
        try:
            self.answer = self._greenlet.switch()
        except (Crash, StoreUnavailable, LostRace, ListFailed) as error:
            self.ended_by = error

    # The deadline of the flow, which passes when a story says so.

    def passed(self) -> bool:
        return self.is_late

    def after(self, _part: float) -> "Flow":
        return self


class Gated:
    """A port whose every call waits for the switch. `meets` says what a fault other than dying means for it."""

    def __init__(self, flow: Flow, port: object, meets: Callable[[Fault, str, Callable[[], Any]], Any]) -> None:
        self._flow = flow
        self._port = port
        self._meets = meets

    def __getattr__(self, method: str) -> Any:
        called = getattr(self._port, method)

        def gated(*args: Any) -> Any:
            fault = self._flow.at(method)
            if fault is None:
                return called(*args)
            if fault is Fault.DIES_BEFORE:
                raise Crash
            if fault is Fault.DIES_AFTER:
                called(*args)
                raise Crash
            return self._meets(fault, method, lambda: called(*args), *args)

        return gated
