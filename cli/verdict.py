"""Whether what a subscriber heard is what happened. Pure; it believes the simulator and the messages, and no one else.

`scripted` is what the runs went through, `answered` what GetJobRun said of them when asked, `heard` what arrived.
A state that was over before anyone could look is scripted, never answered, and counted: it is what polling costs.
Anything answered and neither heard nor named in `reached` is **lost**; anything heard and never answered is
**invented**.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from runwatch.core.states import State, is_terminal

__all__ = ["Change", "Verdict", "judge"]


class Change(NamedTuple):
    run: str
    attempt: int
    state: str


@dataclass(frozen=True)
class Verdict:
    runs: int
    scripted: int
    answered: int
    delivered: int
    passed_unseen: list[Change]
    """Over before any look."""
    told_as_reached: list[Change]
    """Those of them that a later message named in `reached`."""
    settled: int
    lost: list[Change]
    invented: list[Change]
    disordered: list[str]
    """Runs whose messages came in another order, or with a gap."""
    unfinished: list[str]
    """Runs that ended, and of which no summary was heard."""

    @property
    def agrees(self) -> bool:
        return not self.faults()

    def faults(self) -> list[str]:
        """What is wrong, a sentence each."""
        return [
            *(f"lost: {change.state} of {change.run}" for change in self.lost),
            *(f"invented: {change.state} of {change.run}" for change in self.invented),
            *(f"out of order, or with a gap: the messages of {run}" for run in self.disordered),
            *(f"never summed up: {run}" for run in self.unfinished),
        ]

    def __str__(self) -> str:
        unseen, told = len(self.passed_unseen), len(self.told_as_reached)
        return (
            f"{self.runs} runs, {self.scripted} state changes. "
            f"Delivered: {self.delivered} of the {self.answered} that a look could see. "
            f"Too brief for any look: {unseen}, of which told by `reached`: {told}. "
            f"Lost: {len(self.lost)}. Invented: {len(self.invented)}. Out of order: {len(self.disordered)}. "
            f"Summed up at the end: {self.settled} runs."
        )


def judge(scripted: Iterable[Change], answered: Iterable[Change], heard: Iterable[Mapping[str, Any]]) -> Verdict:
    """Compare. `heard` are the messages in the order in which they arrived."""
    scripted, answered = list(scripted), dict.fromkeys(answered)
    messages = list({message["id"]: message for message in heard}.values())
    changes = [message["detail"] for message in messages if message["detail-type"].endswith("State Change")]
    settled = {message["detail"]["jobRunId"] for message in messages if message["detail-type"].endswith("Settled")}
    delivered = [Change(detail["jobRunId"], detail["attempt"], detail["state"]) for detail in changes]
    reached = {
        Change(detail["jobRunId"], detail["attempt"], state) for detail in changes for state in detail["reached"]
    }
    ended = {change.run: is_terminal(change.state) for change in scripted}
    unseen = list((Counter(scripted) - Counter(answered.keys())).elements())
    return Verdict(
        runs=len(ended),
        scripted=len(scripted),
        answered=len(answered),
        delivered=len(delivered),
        passed_unseen=unseen,
        told_as_reached=[change for change in unseen if change in reached],
        settled=len(settled),
        lost=[change for change in answered if change not in delivered and change not in reached]
        + [change for change in _that_could_be_known(unseen, answered) if change not in reached],
        invented=[change for change in delivered if change not in answered],
        disordered=_disordered(messages),
        unfinished=[run for run, has_ended in ended.items() if has_ended and run not in settled],
    )


def _that_could_be_known(unseen: Iterable[Change], answered: Iterable[Change]) -> list[Change]:
    """Every RUNNING that was over before a look at the same attempt, whose `startedAt` told of it."""
    looked_at = {(change.run, change.attempt) for change in answered if is_terminal(change.state)}
    return [change for change in unseen if change.state == State.RUNNING and (change.run, change.attempt) in looked_at]


def _disordered(messages: Iterable[Mapping[str, Any]]) -> list[str]:
    sequences: dict[str, list[int]] = {}
    for message in messages:
        sequences.setdefault(message["detail"]["jobRunId"], []).append(message["detail"]["sequence"])
    return [run for run, numbers in sequences.items() if numbers != list(range(1, len(numbers) + 1))]
