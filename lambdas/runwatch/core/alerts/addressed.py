"""Which of a run's tags are addressed to alerting. All that a look needs to know of them; what they mean: `tags`."""

from collections.abc import Mapping
from typing import Final

from runwatch.core.watch import OPT_OUT

__all__ = ["JOB", "KNOWN", "PREFIX", "relevant"]

PREFIX: Final = "runwatch:"
JOB: Final = f"{PREFIX}job"
KNOWN = tuple(
    f"{PREFIX}{name}"
    for name in ("job", "max-runtime", "max-cost", "stuck-after", "severity", "mute", "owner", "runbook")
)
TAGS_AT_MOST = 20
NAME_AT_MOST = 128
VALUE_AT_MOST = 256
"""AWS's limits of a tag."""


def relevant(tags: Mapping[str, str]) -> dict[str, str]:
    """Those that are addressed to us, known ones first: 20 at most, none longer than AWS has them."""
    ours = sorted((name for name in tags if name.startswith(PREFIX)), key=lambda name: (name not in KNOWN, name))
    return {name[:NAME_AT_MOST]: tags[name][:VALUE_AT_MOST] for name in ours[:TAGS_AT_MOST] if name != OPT_OUT}
