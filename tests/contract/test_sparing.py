"""A journal that says a few times what many runs share, and hands on everything else."""

from collections import Counter
from collections.abc import Callable

import pytest

from runwatch.adapters.memory import MemoryJournal
from runwatch.core.alerts.rules import Rule
from runwatch.core.alerts.telling import Change
from runwatch.core.failures import Failure
from runwatch.core.leaving import untrack
from runwatch.errors import ListFailed, StoreUnavailable, look_failed
from runwatch.ports import Journal, NoLook
from runwatch.report import DiscoveryReport, TickReport
from runwatch.sparing import Sparing
from tests.alerting import an_alert
from tests.builders import SOURCE, a_run, a_tracked, an_entry, at, decided, run_of

Say = Callable[[Journal, int], None]

UNTRACKED = untrack(a_tracked("RUNNING"), at())
SAME = decided(a_tracked("RUNNING"), a_run("RUNNING"))

IN_FULL: dict[str, Say] = {
    "tracked": lambda journal, number: journal.tracked(a_tracked(run=run_of(number))),
    "committed": lambda journal, _: journal.committed(UNTRACKED),
    "nothing_new": lambda journal, _: journal.nothing_new(SAME),
    "not_looked": lambda journal, number: journal.not_looked(run_of(number), NoLook.OLD),
    "discovered": lambda journal, number: journal.discovered(DiscoveryReport(SOURCE, found=number)),
    "set_aside": lambda journal, number: journal.set_aside(an_entry(number), "no"),
    "alerted": lambda journal, _: journal.alerted(an_alert(Rule.RUN_FAILED), Change.OPENED),
    "refused": lambda journal, number: journal.refused(str(number), "no"),
    "ticked": lambda journal, number: journal.ticked(TickReport(SOURCE, watched=number)),
}
SPARINGLY: dict[str, Say] = {
    "look_failed": lambda journal, number: journal.look_failed(look_failed(Failure.DENIED, run_of(number), "no")),
    "list_failed": lambda journal, number: journal.list_failed(
        ListFailed(Failure.DENIED, f"List{number}", SOURCE, "no")
    ),
    "store_failed": lambda journal, number: journal.store_failed(str(run_of(number)), StoreUnavailable("no")),
    "not_published": lambda journal, number: journal.not_published(an_entry(number), "no"),
    "item_unreadable": lambda journal, number: journal.item_unreadable(SOURCE, f"LOG#{number}", "no"),
}


def _heard(*says: Say, times: int, journal: Callable[[Journal], Journal]) -> list[tuple[str, object]]:
    memory = MemoryJournal()
    heard = journal(memory)
    for number in range(1, times + 1):
        for say in says:
            say(heard, number)
    return [(what, repr(told)) for what, told in memory.lines]


def test_all_that_a_journal_can_be_told_is_held_to_this():
    assert IN_FULL.keys() | SPARINGLY.keys() == {name for name in vars(Journal) if not name.startswith("_")}


def test_every_line_is_handed_on_to_the_letter():
    says = [*IN_FULL.values(), *SPARINGLY.values()]
    heard = _heard(*says, times=5, journal=Sparing)
    assert len(heard) == 5 * len(says)
    assert heard == _heard(*says, times=5, journal=lambda journal: journal)


@pytest.mark.parametrize("say", SPARINGLY.values(), ids=SPARINGLY)
def test_of_what_many_runs_share_the_first_five_lines_are_said(say: Say):
    assert _heard(say, times=1000, journal=Sparing) == _heard(say, times=5, journal=lambda journal: journal)


@pytest.mark.parametrize("say", IN_FULL.values(), ids=IN_FULL)
def test_what_is_said_of_one_run_is_said_however_often(say: Say):
    assert len(_heard(say, times=1000, journal=Sparing)) == 1000


def test_one_kind_takes_no_lines_from_another():
    heard = Counter(what for what, _ in _heard(*SPARINGLY.values(), times=20, journal=Sparing))
    kinds = "look failed", "list failed", "store failed", "not published", "item unreadable"
    assert heard == dict.fromkeys(kinds, 5)


def test_every_class_of_failed_looks_is_a_kind_of_its_own():
    memory = MemoryJournal()
    sparing = Sparing(memory)
    for number in range(20):
        for failure in Failure:
            sparing.look_failed(look_failed(failure, run_of(number), "no"))
    assert Counter(error.failure for _, error in memory.lines) == dict.fromkeys(Failure, 5)


def test_one_made_anew_says_all_of_it_again():
    memory = MemoryJournal()
    for _ in range(3):
        sparing = Sparing(memory)
        for say in SPARINGLY.values():
            for number in range(20):
                say(sparing, number)
    assert len(memory.lines) == 3 * 25
