"""What a check answers with: what was found where, how bad that is, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["PEOPLE", "REDEPLOY", "STACK", "About", "Finding", "Verdict", "one_line"]

STACK, PEOPLE = "stack", "topics"
"""Places that are no source: the stack, and who hears of what it does."""
REDEPLOY = "deploy again (with your own -c config=…, if any)"
REDEPLOYING = "npx cdk deploy --revert-drift"
"""Without that option CloudFormation takes what its template says for what there is, and does nothing."""
LONGEST = 400
"""Characters of somebody else's text that a finding quotes."""


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """It works, and somebody should know."""
    FAULT = "fault"
    """Something is not watched, or nobody is told."""
    UNKNOWN = "unknown"
    """It could not be asked."""


@dataclass(frozen=True)
class Finding:
    place: str
    """`stack`, `topics`, or a source."""
    check: str
    verdict: Verdict
    found: str
    fix: str | None = None
    """What to do: a sentence. One that ends in a command to type ends in ``: `command` ``."""


@dataclass(frozen=True)
class About:
    """What a check's findings have in common."""

    place: str
    check: str

    def ok(self, found: str) -> Finding:
        return Finding(self.place, self.check, Verdict.OK, one_line(found))

    def warning(self, found: str, fix: str, type_: str | None = None) -> Finding:
        return self._amiss(Verdict.WARNING, found, fix, type_)

    def fault(self, found: str, fix: str, type_: str | None = None) -> Finding:
        return self._amiss(Verdict.FAULT, found, fix, type_)

    def broken(self, found: str, first: str | None = None) -> Finding:
        """A fault of something that is not as it was deployed; `first` is what else would mend it."""
        fix = f"{first}, or {REDEPLOY}" if first else REDEPLOY.capitalize()
        return self._amiss(Verdict.FAULT, found, fix, REDEPLOYING)

    def unknown(self, found: str, fix: str) -> Finding:
        return self._amiss(Verdict.UNKNOWN, found, fix, None)

    def _amiss(self, verdict: Verdict, found: str, fix: str, type_: str | None) -> Finding:
        fix = one_line(fix) if type_ is None else f"{one_line(fix)}: `{type_}`"
        return Finding(self.place, self.check, verdict, one_line(found), fix)


def one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
