"""What every store promises. The one in memory and the one on DynamoDB are held to the same suite."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from runwatch.adapters.memory import MemoryStore
from runwatch.core.failures import Failure
from runwatch.core.ids import AlertThread, Audience, Source
from runwatch.core.tracked import Left, Trouble, Used
from runwatch.core.visits import Visit
from runwatch.errors import LostRace
from runwatch.ports import Kept, Owed, Store
from tests.aws import a_table
from tests.builders import RUN, SOURCE, a_run, a_tracked, an_entry, at, decided, run_of


@pytest.fixture(params=["memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
    else:
        with a_table() as table:
            yield table.store


ELSEWHERE = Source(SOURCE.account, "eu-central-1")


def test_a_run_that_was_never_tracked_has_no_record_no_ledger_and_owes_nothing(store: Store):
    assert store.load(RUN) is None
    assert store.ledger(RUN) == []
    assert store.owed_by(RUN) == []
    assert list(store.owed(SOURCE)) == []
    assert store.watched(SOURCE).runs == []


def test_a_new_record_is_stored_as_version_one(store: Store):
    stored = store.commit(a_tracked(), ())
    assert stored == a_tracked(version=1)
    assert store.load(RUN) == stored


def test_every_commit_is_the_next_version(store: Store):
    record = a_tracked()
    for version in range(1, 5):
        record = store.commit(record.changed(sequence=version), ())
        assert record.version == version
    assert store.load(RUN) == record


def test_every_field_of_a_record_is_kept(store: Store):
    record = a_tracked(
        version=0,
        labels={"team": "gold", "empty": "", "emoji \N{ROCKET}": "\x00\n"},
        sequence=41,
        left=Left.UNTRACKED,
        left_at=at(9, seconds=0.000001),
        summed_up=True,
        trouble=Trouble(failure=Failure.NOT_FOUND, since=at(8, seconds=0.000001), looks=2),
        ending_unread_since=at(7, seconds=0.000001),
        name="daily \N{ROCKET}\x00\n",
        created_at=at(1, seconds=0.654321),
        state="RESUMING",
        retry_expected=True,
        attempt=7,
        updated_at=at(1, seconds=0.123456),
        state_seen_at=at(2),
        state_since=at(3, seconds=0.5),
        running_told=True,
        mode="STREAMING",
        execution_timeout_minutes=720,
        max_attempts=3,
        max_failed_attempts_per_hour=5,
        tags={"runwatch:max-runtime": "2h \N{ROCKET}"},
        failed_at=(at(1), at(2, seconds=0.000001)),
        details="ExitCode: 1 \N{ROCKET}",
        used=Used(vcpu=0.1, memory_gb=1e-9, storage_gb=20.0),
        spent={"RUNNING": 0.001, "PENDING": 1e9, "RESUMING": 0.0},
        asked=False,
        unheard=("1/RUNNING", "7/RESUMING"),
        seen_waiting=("7/QUEUED",),
        heard=("SUCCESS",),
    )
    default = a_tracked()
    assert [name for name in type(record).model_fields if getattr(record, name) == getattr(default, name)] == [
        "run",
        "tracked_at",
        "version",
    ]
    assert store.load(store.commit(record, ()).run) == record.changed(version=1)


def test_whoever_read_an_older_version_loses_the_race_and_changes_nothing(store: Store):
    read = store.commit(a_tracked(), ())
    won = store.commit(read.changed(sequence=1, state="RUNNING"), [an_entry(1, state="RUNNING")])
    with pytest.raises(LostRace) as lost:
        store.commit(read.changed(sequence=1, state="SUCCESS"), [an_entry(1, state="SUCCESS")])
    assert lost.value.run == RUN
    assert store.load(RUN) == won
    assert store.ledger(RUN) == store.owed_by(RUN) == [an_entry(1, state="RUNNING")]


def test_of_two_who_track_a_run_the_second_loses(store: Store):
    first = store.commit(a_tracked(labels={"by": "first"}), ())
    with pytest.raises(LostRace):
        store.commit(a_tracked(labels={"by": "second"}), ())
    assert store.load(RUN) == first


@pytest.mark.parametrize("version", [1, 7])
def test_a_record_that_is_not_there_cannot_be_changed(store: Store, version: int):
    with pytest.raises(LostRace):
        store.commit(a_tracked(version=version), [an_entry()])
    assert store.load(RUN) is None
    assert store.ledger(RUN) == []


@pytest.mark.parametrize("version", [0, 1, 3])
def test_no_version_but_the_stored_one_is_taken(store: Store, version: int):
    store.commit(store.commit(a_tracked(), ()), ())
    with pytest.raises(LostRace):
        store.commit(a_tracked(version=version), ())


def test_a_record_and_its_entries_are_stored_together_or_not_at_all(store: Store):
    """The second entry is in the ledger already, so the record must not change, nor the first entry be stored."""
    record = store.commit(a_tracked(), [an_entry(2, state="RUNNING")])
    with pytest.raises(LostRace):
        store.commit(record.changed(sequence=2, state="SUCCESS"), [an_entry(1), an_entry(2, state="SUCCESS")])
    assert store.load(RUN) == record
    assert store.ledger(RUN) == [an_entry(2, state="RUNNING")]
    assert store.owed_by(RUN) == [an_entry(2, state="RUNNING")]


def test_an_entry_is_kept_to_the_letter(store: Store):
    nasty = a_run("FAILED", name='\x00"\n\N{ROCKET}', tags={"\u2028": "<&>"}, started_at=at(), updated_at=at(1))
    entries = decided(a_tracked("PENDING"), nasty, at(600, seconds=0.123456)).entries
    assert [entry.kind for entry in entries] == ["STATE_CHANGE"]
    assert entries[0].attributes["reached"] == ["RUNNING", "FAILED"]
    store.commit(a_tracked(), entries)
    assert tuple(store.ledger(RUN)) == tuple(store.owed_by(RUN)) == entries


def test_what_was_written_is_read_back_in_any_number(store: Store):
    """More than a page of the table, which holds one megabyte."""
    record = store.commit(a_tracked(), ())
    tags = {str(number): "x" * 2000 for number in range(20)}
    for first in range(1, 61, 20):
        record = store.commit(record, [an_entry(number, tags=tags) for number in range(first, first + 20)])
    assert sum(len(entry.body) for entry in store.ledger(RUN)) > 2 * 1024 * 1024
    assert [entry.sequence for entry in store.ledger(RUN)] == list(range(1, 61))
    store.mark_published(store.ledger(RUN)[:59], at(9))
    assert [entry.sequence for entry in store.owed_by(RUN)] == [60]


def test_all_watched_runs_are_found_however_many(store: Store):
    """More than a page of the index as well."""
    labels = {"long": "x" * 20_000}
    for number in range(70):
        store.commit(a_tracked(run=run_of(number), labels=labels), ())
    assert {record.run for record in store.watched(SOURCE).runs} == {run_of(number) for number in range(70)}


def test_watched_are_the_source_s_runs_that_have_not_left(store: Store):
    watched = store.commit(a_tracked("RUNNING", version=0), ())
    store.commit(a_tracked("SUCCESS", run=run_of(1), version=0, left=Left.SETTLED, left_at=at()), ())
    store.commit(a_tracked("RUNNING", run=run_of(2), version=0, left=Left.UNTRACKED, left_at=at()), ())
    elsewhere = store.commit(a_tracked(run=run_of(3, ELSEWHERE)), ())
    assert store.watched(SOURCE).runs == [watched]
    assert store.watched(ELSEWHERE).runs == [elsewhere]


def test_a_run_that_leaves_is_no_longer_watched_and_its_record_stays(store: Store):
    record = store.commit(a_tracked(), ())
    gone = store.commit(record.changed(left=Left.SETTLED, left_at=at()), ())
    assert store.watched(SOURCE).runs == []
    assert store.load(RUN) == gone


def test_a_run_that_is_tracked_again_is_watched_again(store: Store):
    gone = store.commit(a_tracked(left=Left.UNTRACKED, left_at=at()), ())
    back = store.commit(gone.changed(left=None, left_at=None), ())
    assert store.watched(SOURCE).runs == [back]


def test_a_run_that_has_left_still_owes_what_it_owed(store: Store):
    store.commit(a_tracked(left=Left.SETTLED, left_at=at()), [an_entry(1), an_entry(2)])
    assert [owed.sequence for owed in store.owed(SOURCE)] == [1, 2]


def test_what_is_owed_comes_oldest_first_over_all_runs_of_the_source(store: Store):
    told = {run_of(1): [(1, 5), (2, 7)], run_of(2): [(1, 1), (2, 6)], run_of(3): [(9, 2), (10, 2), (11, 2)]}
    for run, entries in told.items():
        store.commit(
            a_tracked(run=run), [an_entry(sequence, run=run, recorded_at=at(minute)) for sequence, minute in entries]
        )
    there = run_of(1, ELSEWHERE)
    store.commit(a_tracked(run=there), [an_entry(run=there, recorded_at=at(3))])
    assert list(store.owed(SOURCE)) == [
        Owed(run_of(2), 1, at(1)),
        Owed(run_of(3), 9, at(2)),
        Owed(run_of(3), 10, at(2)),
        Owed(run_of(3), 11, at(2)),
        Owed(run_of(1), 1, at(5)),
        Owed(run_of(2), 2, at(6)),
        Owed(run_of(1), 2, at(7)),
    ]
    assert list(store.owed(ELSEWHERE)) == [Owed(there, 1, at(3))]


def test_times_are_ordered_to_the_microsecond(store: Store):
    moments = [at(seconds=0.000002), at(), at(seconds=0.9), at(seconds=0.000001), at(seconds=1)]
    for number, moment in enumerate(moments):
        store.commit(a_tracked(run=run_of(number)), [an_entry(run=run_of(number), recorded_at=moment)])
    assert [owed.recorded_at for owed in store.owed(SOURCE)] == sorted(moments)


def test_a_run_owes_and_keeps_its_entries_in_their_order(store: Store):
    sequences = [9, 10, 11, 100, 99]
    store.commit(a_tracked(), [an_entry(sequence, recorded_at=at()) for sequence in sequences])
    assert [entry.sequence for entry in store.owed_by(RUN)] == sorted(sequences)
    assert [entry.sequence for entry in store.ledger(RUN)] == sorted(sequences)


def test_an_entry_that_is_marked_is_owed_no_longer_and_stays_in_the_ledger(store: Store):
    entries = [an_entry(1), an_entry(2), an_entry(3)]
    store.commit(a_tracked(), entries)
    store.mark_published([entries[1]], at(9))
    assert store.owed_by(RUN) == [entries[0], entries[2]]
    assert [owed.sequence for owed in store.owed(SOURCE)] == [1, 3]
    assert store.ledger(RUN) == entries


def test_marking_twice_is_the_same_as_once(store: Store):
    store.commit(a_tracked(), [an_entry(1), an_entry(2)])
    store.mark_published([an_entry(1)], at(9))
    store.mark_published([an_entry(1)], at(10))
    assert store.owed_by(RUN) == [an_entry(2)]


def test_marking_an_entry_that_is_not_there_makes_none(store: Store):
    store.mark_published([an_entry()], at())
    assert store.ledger(RUN) == []
    assert store.load(RUN) is None


def test_entries_of_many_runs_are_marked_together(store: Store):
    """More than are marked in one write; some are marked already, one is named twice, one is not there."""
    entries = [an_entry(sequence, run=run_of(number)) for number in range(4) for sequence in range(1, 9)]
    for number in range(4):
        store.commit(a_tracked(run=run_of(number)), entries[8 * number : 8 * number + 8])
    store.mark_published([entries[3]], at(8))
    store.mark_published([*entries[:27], entries[26], an_entry(9)], at(9))
    assert list(store.owed(SOURCE)) == [Owed.of(entry) for entry in entries[27:]]
    assert [kept.published_at for kept in store.history(run_of(0))] == [*[at(9)] * 3, at(8), *[at(9)] * 4]
    assert store.ledger(RUN) == []


def test_marking_nothing_marks_nothing(store: Store):
    store.commit(a_tracked(), [an_entry(1)])
    store.mark_published([], at(9))
    assert store.owed_by(RUN) == [an_entry(1)]


def test_what_a_run_owes_since_an_entry_is_that_and_all_before_it_that_has_not_had_its_turn(store: Store):
    entries = [an_entry(number) for number in range(1, 41)]
    for first in (0, 20):
        store.commit(store.load(RUN) or a_tracked(), entries[first : first + 20])
    store.mark_published([*entries[:3], *entries[4:30], entries[34]], at(9))
    store.set_aside(entries[30], "no", at(9))
    assert [entry.sequence for entry in store.owed_by(RUN)] == [4, 32, 33, 34, 36, 37, 38, 39, 40]
    assert [entry.sequence for entry in store.owed_by(RUN, 4)] == [4, 32, 33, 34, 36, 37, 38, 39, 40]
    for since in (5, 20, 31, 32, 33, 34):
        assert [entry.sequence for entry in store.owed_by(RUN, since)] == [32, 33, 34, 36, 37, 38, 39, 40]
    for since in (35, 36, 38, 40, 41, 99):
        assert store.owed_by(RUN, since) == entries[35:]


def test_a_run_is_behind_while_it_owes_the_entry_before(store: Store):
    entries = [an_entry(1), an_entry(2), an_entry(3)]
    store.commit(a_tracked(), entries)
    asked = [Owed.of(entry) for entry in entries]
    assert [store.are_behind([entry]) for entry in asked] == [set(), {RUN}, {RUN}]
    store.mark_published([entries[0]], at(9))
    assert [store.are_behind([entry]) for entry in asked] == [set(), set(), {RUN}]
    store.set_aside(entries[1], "no", at(9))
    assert [store.are_behind([entry]) for entry in asked] == [set()] * 3
    store.redrive(asked[1])
    assert [store.are_behind([entry]) for entry in asked] == [set(), set(), {RUN}]


def test_of_many_runs_exactly_those_are_behind_that_are(store: Store):
    """More than DynamoDB reads at once, in two Regions; of most of them nothing is there."""
    runs = [run_of(number, source) for number in range(65) for source in (SOURCE, ELSEWHERE)]
    owe, were_told = {*runs[::20], runs[-1]}, runs[5::30]
    for run in (*owe, *were_told):
        store.commit(a_tracked(run=run), [an_entry(1, run=run), an_entry(2, run=run)])
    store.mark_published([an_entry(1, run=run) for run in were_told], at(9))
    assert store.are_behind([Owed(run, 2, at()) for run in runs]) == owe
    assert store.are_behind([]) == set()


def test_marking_leaves_the_record_and_its_version_alone(store: Store):
    record = store.commit(a_tracked(), [an_entry(1)])
    store.mark_published([an_entry(1)], at(9))
    assert store.load(RUN) == record
    assert store.commit(record, ()).version == record.version + 1


# What the topic refuses for its content.


def test_refusals_are_counted_and_the_entry_stays_owed(store: Store):
    record = store.commit(a_tracked(), [an_entry(1), an_entry(2)])
    assert [store.count_refusal(an_entry(1)) for _ in range(12)] == [*range(1, 13)]
    assert store.owed_by(RUN) == store.ledger(RUN) == [an_entry(1), an_entry(2)]
    assert [owed.sequence for owed in store.owed(SOURCE)] == [1, 2]
    assert list(store.are_set_aside(SOURCE)) == []
    assert store.load(RUN) == record


def test_every_entry_has_a_count_of_its_own(store: Store):
    entries = [an_entry(1), an_entry(2), an_entry(1, run=run_of(1)), an_entry(1, run=run_of(1, ELSEWHERE))]
    for run in (RUN, run_of(1), run_of(1, ELSEWHERE)):
        store.commit(a_tracked(run=run), [entry for entry in entries if entry.ledger == run])
    store.count_refusal(entries[0])
    assert [store.count_refusal(entry) for entry in entries] == [2, 1, 1, 1]


def test_an_entry_that_is_set_aside_is_owed_no_longer_and_stays_in_the_ledger(store: Store):
    entries = [an_entry(1), an_entry(2), an_entry(3)]
    record = store.commit(a_tracked(), entries)
    store.set_aside(entries[0], "InvalidParameter: no", at(9))
    assert store.owed_by(RUN) == entries[1:]
    assert list(store.owed(SOURCE)) == [Owed.of(entry) for entry in entries[1:]]
    assert list(store.are_set_aside(SOURCE)) == [Owed.of(entries[0])]
    assert store.ledger(RUN) == entries
    assert store.load(RUN) == record


def test_setting_aside_twice_is_the_same_as_once(store: Store):
    store.commit(a_tracked(), [an_entry(1), an_entry(2)])
    store.set_aside(an_entry(1), "no", at(9))
    store.set_aside(an_entry(1), "still no", at(10))
    assert list(store.are_set_aside(SOURCE)) == [Owed.of(an_entry(1))]
    assert store.owed_by(RUN) == [an_entry(2)]


def test_what_is_set_aside_comes_oldest_first_over_all_runs_of_the_source(store: Store):
    """By when it was recorded, whenever it was set aside."""
    told = {run_of(1): [(1, 5), (2, 7)], run_of(2): [(1, 1), (2, 6)], run_of(3, ELSEWHERE): [(1, 3)]}
    for run, times in told.items():
        entries = [an_entry(sequence, run=run, recorded_at=at(minute)) for sequence, minute in times]
        store.commit(a_tracked(run=run), entries)
        for minute, entry in enumerate(reversed(entries), 60):
            store.set_aside(entry, "no", at(minute))
    assert list(store.are_set_aside(SOURCE)) == [
        Owed(run_of(2), 1, at(1)),
        Owed(run_of(1), 1, at(5)),
        Owed(run_of(2), 2, at(6)),
        Owed(run_of(1), 2, at(7)),
    ]
    assert list(store.are_set_aside(ELSEWHERE)) == [Owed(run_of(3, ELSEWHERE), 1, at(3))]
    assert list(store.owed(SOURCE)) == list(store.owed(ELSEWHERE)) == []


def test_an_entry_that_is_redriven_is_owed_again_in_its_old_place_with_the_count_at_zero(store: Store):
    entries = [an_entry(1), an_entry(2), an_entry(3)]
    store.commit(a_tracked(), entries)
    for _ in range(3):
        store.count_refusal(entries[1])
    store.set_aside(entries[1], "no", at(9))
    (aside,) = store.are_set_aside(SOURCE)
    store.redrive(aside)
    assert list(store.are_set_aside(SOURCE)) == []
    assert store.owed_by(RUN) == store.ledger(RUN) == entries
    assert list(store.owed(SOURCE)) == [Owed.of(entry) for entry in entries]
    assert store.count_refusal(entries[1]) == 1


def test_an_entry_that_is_redriven_can_be_published_or_set_aside_again(store: Store):
    entries = [an_entry(1), an_entry(2)]
    store.commit(a_tracked(), entries)
    for entry in entries:
        store.set_aside(entry, "no", at(9))
        store.redrive(Owed.of(entry))
    store.mark_published([entries[0]], at(10))
    store.set_aside(entries[1], "still no", at(10))
    assert store.owed_by(RUN) == []
    assert list(store.are_set_aside(SOURCE)) == [Owed.of(entries[1])]
    assert store.ledger(RUN) == entries


def test_redriving_what_is_owed_leaves_it_owed(store: Store):
    """Two may redrive the same entry."""
    store.commit(a_tracked(), [an_entry(1)])
    store.set_aside(an_entry(1), "no", at(9))
    for _ in range(2):
        store.redrive(Owed.of(an_entry(1)))
    assert store.owed_by(RUN) == [an_entry(1)]
    assert list(store.owed(SOURCE)) == [Owed.of(an_entry(1))]


def test_what_is_published_already_is_neither_counted_nor_set_aside_nor_redriven(store: Store):
    """A tick that overlaps another may be told of a refusal after the other one's try was taken."""
    store.commit(a_tracked(), [an_entry(1)])
    store.mark_published([an_entry(1)], at(9))
    assert store.count_refusal(an_entry(1)) == 0
    store.set_aside(an_entry(1), "no", at(10))
    assert list(store.are_set_aside(SOURCE)) == []
    store.redrive(Owed.of(an_entry(1)))
    assert list(store.owed(SOURCE)) == store.owed_by(RUN) == []
    assert store.ledger(RUN) == [an_entry(1)]


def test_an_entry_that_was_set_aside_and_turns_out_to_be_published_stays_published(store: Store):
    """Two ticks at once: one gives the entry up, the other's try is taken, and it is marked last."""
    store.commit(a_tracked(), [an_entry(1)])
    store.set_aside(an_entry(1), "no", at(9))
    store.mark_published([an_entry(1)], at(10))
    assert list(store.are_set_aside(SOURCE)) == []
    store.redrive(Owed.of(an_entry(1)))
    assert list(store.owed(SOURCE)) == store.owed_by(RUN) == []


def test_an_entry_that_is_not_there_is_neither_counted_nor_set_aside_nor_redriven(store: Store):
    assert store.count_refusal(an_entry()) == 0
    store.set_aside(an_entry(), "no", at())
    store.redrive(Owed.of(an_entry()))
    assert list(store.are_set_aside(SOURCE)) == list(store.owed(SOURCE)) == []
    assert store.owed_by(RUN) == store.ledger(RUN) == []


def test_the_number_of_an_entry_that_is_set_aside_is_not_given_again(store: Store):
    record = store.commit(a_tracked(), [an_entry(1)])
    store.set_aside(an_entry(1), "no", at(9))
    with pytest.raises(LostRace):
        store.commit(record, [an_entry(1, state="SUCCESS")])
    assert store.ledger(RUN) == [an_entry(1)]


def test_runs_whose_names_begin_alike_are_never_mixed(store: Store):
    """By application, run, Region and account."""
    alike = [
        run_of(1),
        run_of(11),
        run_of(1, ELSEWHERE),
        run_of(1, Source("123456789013", "us-east-1")),
        type(RUN)(SOURCE, "00f1ab", "run1"),
        type(RUN)(SOURCE, "00f1abcd", "run1"),
    ]
    for number, run in enumerate(alike, 1):
        store.commit(a_tracked(run=run, name=str(number)), [an_entry(number, run=run)])
    for number, run in enumerate(alike, 1):
        record = store.load(run)
        assert record is not None
        assert (record.run, record.name) == (run, str(number))
        assert store.ledger(run) == store.owed_by(run) == [an_entry(number, run=run)]
    assert {record.run for record in store.watched(SOURCE).runs} == {run for run in alike if run.source == SOURCE}


def test_the_history_says_what_became_of_each_entry(store: Store):
    entries = [an_entry(1), an_entry(2), an_entry(3)]
    store.commit(a_tracked(), entries)
    store.mark_published([entries[0]], at(9, seconds=0.5))
    store.set_aside(entries[1], "InvalidParameter: too strange", at(10))
    assert store.history(RUN) == [
        Kept(entries[0], published_at=at(9, seconds=0.5)),
        Kept(entries[1], set_aside_because="InvalidParameter: too strange"),
        Kept(entries[2]),
    ]
    store.redrive(Owed.of(entries[1]))
    assert store.history(RUN)[1] == Kept(entries[1])


def test_runs_that_left_are_found_by_their_day_and_no_longer_when_they_are_watched_again(store: Store):
    day = at(0).date()
    left = store.commit(a_tracked(left=Left.SETTLED, left_at=at(1)), ())
    later = a_tracked(run=run_of(1), left=Left.LOST, left_at=at(60 * 24))
    store.commit(later, ())
    store.commit(a_tracked(run=run_of(2)), ())
    assert store.left_on(day).runs == [left]
    assert [record.run for record in store.left_on(at(60 * 24).date()).runs] == [run_of(1)]
    store.commit(left.changed(left=None, left_at=None), ())
    assert store.left_on(day).runs == []


def test_runs_that_left_within_a_time_come_oldest_first_across_midnight_and_the_end_is_not_in_it(store: Store):
    midnight = 22 * 60.0  # The story begins at two.
    left = {
        number: store.commit(a_tracked(run=run_of(number), left=Left.SETTLED, left_at=at(minutes)), ())
        for number, minutes in enumerate((midnight - 5, midnight, midnight + 10, midnight + 24 * 60, midnight - 6))
    }
    store.commit(a_tracked(run=run_of(9)), ())
    assert list(store.left_between(at(midnight - 5), at(midnight + 10))) == [left[0], left[1]]
    assert list(store.left_between(at(midnight - 6), at(midnight + 24 * 60, seconds=1))) == [
        *(left[4], left[0], left[1], left[2], left[3])
    ]
    assert list(store.left_between(at(midnight), at(midnight))) == []
    assert list(store.left_between(at(midnight), at(midnight - 5))) == []
    assert list(store.left_between(at(midnight), at(midnight, seconds=0.000001))) == [left[1]]


def test_what_is_owed_once_is_owed_and_read_like_all_else_and_is_not_owed_again(store: Store):
    thread = AlertThread(SOURCE, "digest-20260131t0700z", Audience.PEOPLE)
    entry = replace(an_entry(), ledger=thread, sequence=1)
    again = replace(entry, message_id="rw-other", body="other")
    assert store.owe_once([entry]) == [entry]
    assert store.owed_by(thread) == [entry]
    assert list(store.owed(SOURCE)) == [Owed.of(entry)]
    assert store.owe_once([again]) == []
    assert store.owed_by(thread) == [entry]
    store.mark_published([entry], at(1))
    assert store.owe_once([entry]) == []
    assert store.owed_by(thread) == []


def test_the_visits_of_a_source_are_kept_until_others_are(store: Store):
    assert store.visits(SOURCE) == {}
    visits = {
        "00f1abc": Visit(listed_until=at(seconds=0.000001), tried_at=at(5)),
        "00f2abc": Visit(listed_until=at(1), tried_at=at(6)),
    }
    store.keep_visits(SOURCE, visits)
    assert store.visits(SOURCE) == visits
    assert store.visits(ELSEWHERE) == {}
    store.keep_visits(SOURCE, {})
    assert store.visits(SOURCE) == {}
    assert store.watched(SOURCE).runs == []
