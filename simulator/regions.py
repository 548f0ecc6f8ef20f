"""Several simulators behind one address, each an account in a Region of its own, as AWS is one behind many.

Which one a call is for, its signature says: the scope of its credential names the Region that the client signed it
for, whatever the address was. In a Region that nobody scripted there is an account, too, and nothing in it.
"""

import re
import threading
from collections.abc import Callable, Sequence
from typing import Final

from simulator.service import Simulator

_SCOPE: Final = re.compile(r"Credential=[^/]+/\d{8}/(?P<region>[^/]+)/[^/]+/aws4_request")


class TwiceThere(ValueError):
    """Two simulators are for one Region: no signature would tell them apart."""


class Regions:
    """`empty` makes the simulator of a Region that is not among those given."""

    def __init__(self, simulators: Sequence[Simulator], empty: Callable[[str], Simulator]) -> None:
        self._first = simulators[0]
        self._there: dict[str, Simulator] = {}
        self._empty = empty
        self._lock = threading.Lock()
        for simulator in simulators:
            if simulator.region in self._there:
                raise TwiceThere(f"there are two for {simulator.region}")
            self._there[simulator.region] = simulator

    def called(self, authorization: str | None) -> Simulator:
        """Whom a call with this Authorization header is for; one that is not signed is for the first."""
        scope = _SCOPE.search(authorization or "")
        if scope is None:
            return self._first
        with self._lock:
            if scope["region"] not in self._there:
                self._there[scope["region"]] = self._empty(scope["region"])
            return self._there[scope["region"]]

    def named(self, region: str | None) -> Simulator | None:
        """The one of this Region, if anybody scripted or called it; the first if none is named."""
        with self._lock:
            return self._first if region is None else self._there.get(region)

    def all(self) -> list[Simulator]:
        with self._lock:
            return list(self._there.values())
