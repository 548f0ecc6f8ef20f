"""EMR Serverless's API on this machine, scripted and in memory, for the demo, the tests and the benchmarks.

An unmodified boto3 client with `endpoint_url` pointed here is the judge of it. The map, arrows one way:

    __main__ ─► http ─► regions ─► service ─► account ─► runs ─► life ─► scenario ─► contract ─► errors
       │                 │  │        ├─► faults ├─► applications             └─► rules
       └───► reading ◄───┤  │                   └─► pages
                         │  └─► quota, clock
                         └─► events

`scenario` is what shall happen (models of the file), `reading` gets it from a file or a request; `life` says what a
run is at a moment; `applications` go from state to state on request; `account` has the operations; `service` lets
calls in; `regions` are several behind one address; `http` speaks AWS's protocol; `contract` holds both ends against
botocore's service model, and `rules` says what AWS refuses besides.
"""

from simulator.account import Unplayable
from simulator.clock import Clock, ManualClock, ScaledClock
from simulator.http import Serving, serve
from simulator.reading import FaultyScenario, load
from simulator.regions import Regions, TwiceThere
from simulator.scenario import Scenario
from simulator.service import Cast, Happening, Simulator

__all__ = [
    "Cast",
    "Clock",
    "FaultyScenario",
    "Happening",
    "ManualClock",
    "Regions",
    "ScaledClock",
    "Scenario",
    "Serving",
    "Simulator",
    "TwiceThere",
    "Unplayable",
    "load",
    "serve",
]
