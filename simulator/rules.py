"""What AWS refuses although the service model allows it: engines, release labels and short timeouts.

The messages are AWS's own words where recorded answers show them. Each function returns the reason for a refusal, or
None; a request that is refused gets it as a ValidationException, and a scenario gets it as a fault of its file.
"""

import re
from typing import Final

ENGINES: Final = ("Spark", "Hive")
"""As answers spell them. A request may spell them in any case."""

_OLDEST: Final = (6, 6)
_NUMBERED: Final = re.compile(r"emr-(?P<major>[67])\.(?P<minor>\d{1,2})\.0(-\d{8})?")
_SPARK_ONLY: Final = re.compile(r"emr-spark-8\.\d{1,2}(\.0|-preview)")
_SHORTEST_TIMEOUT_MINUTES: Final = 5


def engine(asked: str) -> str:
    """Return the engine as answers spell it; one that AWS does not have stays as it is."""
    return next((known for known in ENGINES if known.upper() == asked.upper()), asked)


def refusal_of_engine(asked: str) -> str | None:
    return None if engine(asked) in ENGINES else f"Unsupported engine {asked}"


def refusal_of_release(asked_engine: str, label: str) -> str | None:
    """Refuse a label that no release has.

    EMR Serverless began with emr-6.6.0. Later labels are recognized by their form, not from a list, so that a release
    that AWS adds can be simulated without a change here.
    """
    numbered = _NUMBERED.fullmatch(label)
    if numbered and (int(numbered["major"]), int(numbered["minor"])) >= _OLDEST:
        return None
    if _SPARK_ONLY.fullmatch(label) and engine(asked_engine) == "Spark":
        return None
    return f"Type '{asked_engine.upper()}' is not supported for release label '{label}' or release label does not exist"


def refusal_of_timeout(minutes: int) -> str | None:
    """Refuse a timeout under five minutes. 0 means that the run never times out."""
    if 0 < minutes < _SHORTEST_TIMEOUT_MINUTES:
        return f"RunTimeout must be at least {_SHORTEST_TIMEOUT_MINUTES} minutes."
    return None
