"""What people read of alerts: golden texts for every rule, and what holds whatever strangers wrote."""

import re
import shlex
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runwatch.core.alerts.book import Alert
from runwatch.core.alerts.headline import headline
from runwatch.core.alerts.plain import fitted, plain, units, whole
from runwatch.core.alerts.rules import RULES, Rule, Severity
from runwatch.core.alerts.telling import Change, Telling
from runwatch.core.alerts.text import entry_of_people, text_of
from runwatch.core.ids import AlertThread, Audience, RunId
from runwatch.core.messages import Kind
from tests.alert_stories import NAMES, TEXTS, message, path_of
from tests.alerting import a_failure, a_stuck_run, a_telling, an_alert, over, told
from tests.builders import SOURCE, at, flat

LIMIT = 64 * 1024

LABELS = (
    *(
        "What",
        "Was",
        "Since",
        "Came up",
        "Error",
        "AWS says",
        "Ran",
        "Cost",
        "Cost so far",
        "What to do first",
        "Owner",
    ),
    *("Runbook", "Job run", "Started by", "Application", "Account", "Driver's log", "Console", "To silence it"),
    *("Details", "Spark UI", "Resolved by"),
)
OURS = (
    *("  ", "- ", "Alert al-0", "It is over", "It is still so; ", "It has been open for ", "Before, the error was: "),
    *(f"{label}:" for label in LABELS),
    *(nature.meaning[:100] for nature in RULES.values()),
)
"""How the lines below the first one begin."""


def line(text: str, label: str) -> str:
    (found,) = [line for line in text.splitlines() if line.startswith(f"{label}: ")]
    return found.removeprefix(f"{label}: ")


def command(text: str) -> list[str]:
    """That which silences, as a shell reads it."""
    return shlex.split(text.rstrip().splitlines()[-1])


# Golden texts.


@pytest.mark.parametrize("name", NAMES)
def test_the_text_at_the_end_of_a_story_is_its_golden_file(name: str):
    """If this fails, `python -m tests.alert_stories` writes the files anew; read the difference before you keep it."""
    assert message(name).people.body == path_of(name).read_text()


def test_every_rule_has_a_story_and_every_golden_text_is_of_one():
    assert {path.stem for path in TEXTS.iterdir()} == {*NAMES}
    assert {rule.value for rule in Rule} <= {*NAMES}


@pytest.mark.parametrize("name", [name for name in NAMES if name in {*Rule}])
def test_the_story_of_a_rule_is_about_that_rule(name: str):
    assert message(name).people.attributes["rule"] == name
    assert message(name).people.attributes["status"] == "firing"


# The first line.


@pytest.mark.parametrize(
    ("telling", "subject"),
    [
        (a_telling(a_failure()), "FAILED daily-gold: out of memory (analytics)"),
        (over(a_failure(), "it succeeded"), "RESOLVED daily-gold, FAILED for 2 h 10 min (analytics)"),
        (a_telling(a_failure(), change=Change.REPEATED), "STILL FAILED daily-gold: out of memory (analytics)"),
        (a_telling(a_failure(), change=Change.CHANGED), "FAILED daily-gold: now out of memory (analytics)"),
        (
            a_telling(a_failure(error="unknown error")),
            "FAILED daily-gold: ExitCode: 137. Last few exceptions: java.lang.OutOfMemoryError: Jav… (analytics)",
        ),
        (a_telling(a_failure(error=None, details=None)), "FAILED daily-gold: after 43 min (analytics)"),
        (a_telling(a_failure(), a_failure(2, "b")), "FAILED 2 jobs: out of memory (analytics)"),
        (a_telling(a_failure(), a_failure(2, "b", error="network")), "FAILED 2 jobs: daily-gold, b (analytics)"),
        (a_telling(a_failure(), a_stuck_run(2, "b")), "2 alerts: FAILED daily-gold, STUCK b (analytics)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_first_line_says_what_is_wrong_with_what_and_where(telling: Telling, subject: str):
    assert text_of(telling).splitlines()[0] == subject == headline(telling)


def test_alerts_of_several_applications_name_none_in_the_first_line():
    other = a_failure(2, "b")
    other = other.changed(about=other.about.changed(application_id="00f9", application_name="other"))
    assert headline(a_telling(a_failure(), other)) == "FAILED 2 jobs: out of memory"
    assert "\nApplication: " not in text_of(a_telling(a_failure(), other))


def test_the_gravest_of_several_is_what_the_first_line_and_the_filters_go_by():
    telling = a_telling(a_failure(), a_failure(2, "b").changed(severity=Severity.CRITICAL))
    assert headline(telling).startswith("CRITICAL: ")
    assert entry_of_people(telling, 1).attributes["severity"] == "critical"


def test_a_run_without_a_name_is_called_by_its_id():
    assert headline(a_telling(an_alert(Rule.RUN_LOST, reason="not found", of={"job_name": None}))) == (
        "LOST run 00f2def: not found (analytics)"
    )


@pytest.mark.parametrize("letter", ["x", "\N{ROCKET}", "é"])
def test_a_name_that_is_too_long_leaves_room_for_the_application_and_the_reason(letter: str):
    subject = headline(a_telling(a_failure(name=letter * 300)))
    assert units(subject) <= 99
    assert subject.startswith(f"FAILED {letter}")
    assert subject.endswith("…: out of memory (analytics)")


# What is said below.


def test_what_began_on_another_day_is_told_with_its_date():
    assert line(text_of(a_telling(a_failure())), "Since") == "02:11 UTC, 2 min ago"
    assert line(text_of(a_telling(a_failure(), minutes=24 * 60)), "Since") == "2026-01-31 02:11 UTC, 23 h 49 min ago"
    assert line(text_of(a_telling(a_failure().changed(since=at(13)))), "Since") == "02:13 UTC"


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (0, "out of memory"),
        (1, "out of memory, for the first time in 7 days"),
        (2, "out of memory, for the 2nd time in 7 days"),
        (3, "out of memory, for the 3rd time in 7 days"),
        (4, "out of memory, for the 4th time in 7 days"),
        (11, "out of memory, for the 11th time in 7 days"),
        (13, "out of memory, for the 13th time in 7 days"),
        (21, "out of memory, for the 21st time in 7 days"),
        (112, "out of memory, for the 112th time in 7 days"),
    ],
)
def test_an_error_is_told_with_how_often_it_has_come_up(times: int, said: str):
    assert line(text_of(a_telling(a_failure(seen_this_week=times))), "Error") == said


def test_a_cause_s_advice_comes_before_the_rule_s():
    assert "Give the worker that the log names" in text_of(a_telling(a_failure()))
    assert "\nWhat to do first: Ask Ann.\n" in text_of(a_telling(a_failure(advice="Ask Ann.")))
    assert "\nWhat to do first: Read the driver's log, mend" in text_of(
        a_telling(a_failure(error="theirs", advice=None))
    )


def test_jobs_that_fail_of_different_things_have_no_advice_in_common():
    members = (a_failure(), a_failure(2, "b", error="network", advice="See the network."))
    telling = a_telling(an_alert(Rule.APPLICATION_FAILING, reason="2 jobs failed"), members=members)
    assert "\nWhat to do first: Look for what they have in common" in text_of(telling)
    assert "network" in text_of(telling).split("What to do first")[0]


@pytest.mark.parametrize(("count", "more"), [(12, None), (13, "- and 1 more"), (60, "- and 48 more")])
def test_no_more_than_twelve_are_listed_and_the_rest_are_counted(count: int, more: str | None):
    members = tuple(a_failure(number, f"job-{number}") for number in range(1, count + 1))
    lines = text_of(a_telling(*members)).splitlines()
    listed = [each for each in lines if each.startswith("- ")]
    assert len(listed) == 12 + (more is not None)
    assert (more in lines) if more else not any("more" in each for each in listed)


def test_the_end_is_told_with_how_long_it_lasted_and_what_is_not_over():
    text = message("resolved-application").people.body
    assert "  from 02:05 UTC to 02:39 UTC." in text
    assert [each for each in text.splitlines() if each.startswith("- ")] == [
        "- daily-gold: out of memory, since 02:05 UTC",
        "- hourly-clicks: out of memory, since 02:06 UTC",
        "- marketing-attribution: out of memory, since 02:08 UTC",
    ]
    for word in ("What to do first", "silence", "Since:"):
        assert word not in text


def test_what_became_graver_says_what_it_was_before():
    grave = told(a_failure(), severity=Severity.WARNING).changed(severity=Severity.CRITICAL)
    text = text_of(a_telling(grave, change=Change.ESCALATED, minutes=72))
    assert "It has been open for 1 h, so it is critical now; before it was warning." in text


def test_another_error_is_told_with_the_one_before():
    telling = a_telling(told(a_failure(), error="network"), change=Change.CHANGED)
    assert "Before, the error was: network." in text_of(telling)


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({}, "12.40 USD; normal is 9.80; 18.2 vCPU-hours, 72.8 GB-hours of memory"),
        ({"currency": None, "normal": None}, "12.40; 18.2 vCPU-hours, 72.8 GB-hours of memory"),
        ({"cost": None}, "18.2 vCPU-hours, 72.8 GB-hours of memory"),
        ({"cost": float("nan"), "memory_gb_hours": float("inf")}, "18.2 vCPU-hours"),
        ({"cost": 1234.5, "normal": None, "vcpu_hours": None, "memory_gb_hours": None}, "1,234.50 USD"),
    ],
)
def test_what_it_cost_is_told_as_far_as_it_is_known(known: dict[str, object], said: str):
    assert line(text_of(a_telling(a_failure(**known))), "Cost") == said


def test_of_a_run_that_goes_on_it_is_the_cost_so_far():
    assert line(text_of(a_telling(an_alert(Rule.OVER_BUDGET, known={"cost": 3.0}))), "Cost so far") == "3.00"


@pytest.mark.parametrize("seconds", [-1.0, 1e30, float("inf"), float("nan")])
def test_what_is_no_length_of_time_is_left_out(seconds: float):
    assert "\nRan: " not in text_of(a_telling(a_failure(ran_seconds=seconds, normal=None)))


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"state": "RUNNING", "log_command": "aws x"}, ["Spark UI:", "  aws x"]),
        ({"state": "FAILED", "driver_log": "s3://a", "log_command": "aws x"}, ["Driver's log: s3://a", "  aws x"]),
        ({"state": "FAILED", "driver_log": "s3://a"}, ["Driver's log: s3://a"]),
        ({"state": "PENDING", "driver_log": "s3://a", "log_command": "aws x"}, []),
        ({"state": None, "log_command": "aws x"}, []),
        ({"state": "RUNNING"}, []),
    ],
)
def test_the_way_to_the_log_is_told_where_there_can_be_one(known: dict[str, object], said: list[str]):
    lines = text_of(a_telling(an_alert(known=known))).splitlines()
    assert [each for each in lines if each.startswith(("Driver's log", "Spark UI", "  aws"))] == said


# The entry.


def test_an_entry_is_in_the_thread_of_the_alert_that_leads_and_says_what_filters_ask_for():
    entry = entry_of_people(a_telling(a_failure(), a_stuck_run(2, "b")), 5)
    assert entry.ledger == AlertThread(SOURCE, "al-000000000000000000000001", Audience.PEOPLE)
    assert (entry.sequence, entry.kind, entry.recorded_at) == (5, Kind.ALERT, at(13))
    assert entry.body == text_of(a_telling(a_failure(), a_stuck_run(2, "b")))
    assert entry.attributes == {
        "status": "firing",
        "rule": "run-failed",
        "severity": "warning",
        "applicationId": "00f1abc",
        "jobRunName": "daily-gold",
        "account": "123456789012",
        "region": "us-east-1",
        "alertId": "al-000000000000000000000001",
    }
    assert entry_of_people(over(a_failure(), "fine"), 6).attributes["status"] == "resolved"
    source = message("source-denied").people.attributes
    assert source.keys() == {"status", "rule", "severity", "account", "region", "alertId"}


def test_the_id_is_the_same_on_every_repeat_and_another_for_every_message():
    first = entry_of_people(a_telling(a_failure()), 1).message_id
    assert re.fullmatch(r"rw-[0-9a-f]{32}", first)
    assert first == entry_of_people(a_telling(a_failure(), minutes=14), 1).message_id
    assert first != entry_of_people(a_telling(a_failure()), 2).message_id
    assert first != entry_of_people(a_telling(a_failure(2)), 1).message_id


# The command that silences.


@pytest.mark.parametrize(
    ("telling", "chosen"),
    [
        (a_telling(a_failure()), ["--application", "00f1abc", "--job", "daily-gold"]),
        (a_telling(a_failure(), a_stuck_run(2)), ["--application", "00f1abc"]),
        (a_telling(an_alert(Rule.APPLICATION_SLOW)), ["--application", "00f1abc"]),
        (
            a_telling(an_alert(Rule.RUN_QUARANTINED, of={"job_name": None})),
            ["--application", "00f1abc", "--run", "00f2def"],
        ),
        (
            a_telling(an_alert(Rule.SOURCE_DENIED)),
            ["--source", "123456789012/us-east-1", "--rule", "source-denied"],
        ),
        (
            a_telling(
                an_alert(
                    Rule.JOB_ABSENT,
                    of={"application_id": None, "job_name": None, "run": None, "expected": "nightly"},
                    known={"job_run_id": None},
                )
            ),
            ["--source", "123456789012/us-east-1", "--rule", "job-absent"],
        ),
        (a_telling(a_failure(name="$(rm -rf /)'\"")), ["--application", "00f1abc", "--job", "$(rm -rf /)'\""]),
        (a_telling(a_failure(name="a\nb\u202ec\u3164d")), ["--application", "00f1abc", "--job", "a?b?c?d"]),
        (a_telling(a_failure(name="n" * 300)), ["--application", "00f1abc", "--job", "n" * 100 + "*"]),
    ],
)
def test_the_command_silences_just_what_the_message_is_about_and_nothing_else_can_be_in_it(
    telling: Telling, chosen: list[str]
):
    wanted = ["runwatch", "silence", "add", *chosen, "--for", "2h", "--reason", "it is being looked at"]
    assert command(text_of(telling)) == wanted


# What strangers wrote.

HOSTILE = [
    "one\ntwo\r\nthree\u2028four\u2029five\x0bsix\x0cseven\x85eight",
    "n" * 300,
    "<script>alert(1)</script>&amp;",
    "\u202etxt.exe\u202c\u2066\u2069\u200b\u200d\ufeff\u00ad",
    "\N{ROCKET}\N{ZERO WIDTH JOINER}\N{FIRE}" * 100,
    "half \ud83d",
    "\x00\x07\x1b[31m\x7f",
    "\u115f\u3164\uffa0\ufe0f\U000e0041",
    "   \t ",
    "\nAlert al-000000000000000000000000 (run-failed, info)",
    "ends.\n\nWhat to do first:\nrm -rf /",
]
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]"
)

STRANGE = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(codec=None), max_size=40),
    st.text(st.sampled_from("\n\r\u2028\u202e\u200b\ud83d\N{ROCKET}*_`<>|&@#x "), max_size=400),
)


@st.composite
def strange_alerts(draw: st.DrawFn, rule: Rule | None = None) -> Alert:
    rule = rule or draw(st.sampled_from(Rule))
    maybe = st.none() | STRANGE
    return an_alert(
        rule,
        number=draw(st.integers(1, 99)),
        run=RunId(SOURCE, "00f1abc", draw(st.sampled_from(["00f2def", "x" * 64]))),
        reason=draw(STRANGE),
        of={"application_name": draw(maybe), "job_name": draw(maybe), "expected": draw(maybe)},
        known={
            name: draw(maybe)
            for name in (
                *("state", "details", "error", "advice", "owner", "runbook", "created_by", "release_label", "currency"),
                *("driver_log", "log_command"),
            )
        }
        | {"cost": draw(st.none() | st.floats()), "ran_seconds": draw(st.none() | st.floats())},
        resolution=draw(maybe),
        severity=draw(st.sampled_from(Severity)),
    )


@st.composite
def strange_tellings(draw: st.DrawFn) -> Telling:
    alerts = draw(st.lists(strange_alerts(), min_size=1, max_size=4))
    members = draw(st.lists(strange_alerts(), max_size=4))
    change = draw(st.sampled_from(Change))
    return a_telling(*alerts, change=change, members=tuple(members), minutes=draw(st.integers(0, 5000)))


@given(strange_tellings())
def test_whatever_strangers_wrote_the_first_line_is_a_subject_and_no_other_line_is_theirs(telling: Telling):
    text = text_of(telling)
    subject, *lines = text.split("\n")
    assert [subject, *lines] == [*text.splitlines(), ""], "nothing else breaks a line"
    assert 0 < units(subject) <= 99
    assert subject == subject.strip()
    assert all(not each or each.startswith(OURS) or re.fullmatch("[0-9]+ alerts at once.", each) for each in lines)
    links = ("  ", "Runbook: ", "Driver's log: ")
    assert all(len(each) <= 120 or each.startswith(links) for each in lines)
    assert text.replace("\n", "").isprintable()
    assert not INVISIBLE.search(text)
    assert len(text.encode()) <= LIMIT
    assert flat(entry_of_people(telling, 1).attributes).encode()


@given(rule=st.sampled_from(Rule), hostile=STRANGE)
def test_a_line_that_a_stranger_forges_is_never_at_the_beginning_of_one(rule: Rule, hostile: str):
    forged = "Alert al-666666666666666666666666 (run-failed, info)"
    words = f"{hostile}\n{forged}\n\n{forged} {hostile}\r{forged}\u2028{forged} " + f"{forged} " * 10
    names = {"application_name": words, "job_name": words, "expected": words}
    keys = ("state", "details", "error", "advice", "owner", "runbook", "created_by", "driver_log", "log_command")
    alert = an_alert(rule, reason=words, of=names, known=dict.fromkeys(keys, words), resolution=words)
    for telling in (a_telling(alert), a_telling(alert, alert), a_telling(alert, change=Change.RESOLVED)):
        assert not any(each.startswith("Alert al-666") for each in text_of(telling).splitlines())


@pytest.mark.parametrize("letter", ["x", "\N{ROCKET}", "\n", "'"])
def test_not_even_the_longest_texts_of_all_make_a_text_that_is_too_long(letter: str):
    words = letter * 100_000
    known = dict.fromkeys(
        ("state", "details", "error", "advice", "owner", "runbook", "created_by", "driver_log", "log_command"), words
    )
    alert = an_alert(reason=words, of={"application_name": words, "job_name": words}, known=known, resolution=words)
    for telling in (a_telling(alert), a_telling(*[alert] * 60), a_telling(alert, members=(alert,) * 60)):
        entry = entry_of_people(telling, 1)
        assert len(entry.body.encode()) <= LIMIT
        assert len(flat(entry.attributes).encode()) <= LIMIT


def test_a_command_that_could_not_be_copied_as_it_is_is_left_out():
    assert "  aws s3 cp" in text_of(a_telling(a_failure()))
    for hostile in ("aws s3 cp 's3://a\nrm -rf /'", "aws \u202e", "x" * 5000, ""):
        assert hostile not in text_of(a_telling(a_failure(log_command=hostile))).splitlines() or not hostile
        assert "rm -rf" not in text_of(a_telling(a_failure(log_command=hostile)))


# Plain texts.


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\r\n c", "a b c"),
        ("\u202etxt.exe", "txt.exe"),
        ("half \ud83d", "half \N{REPLACEMENT CHARACTER}"),
        ("\ufffe", "\N{REPLACEMENT CHARACTER}"),
        ("zero\u200bwidth\u00ad", "zerowidth"),
        ("\N{WOMAN}\N{ZERO WIDTH JOINER}\N{ROCKET}", "\N{WOMAN}\N{ROCKET}"),
        ("naïve Zürich 東京", "naïve Zürich 東京"),
        ("x" * 301, "x" * 299 + "…"),
        ("x" * 300, "x" * 300),
        ("\n \u200b", ""),
    ],
)
def test_a_plain_text_holds_nothing_but_what_it_shows(text: str, shown: str):
    assert plain(text) == shown


@given(st.text(st.characters(codec=None)), st.integers(1, 50))
def test_a_plain_text_fits_is_one_line_and_stays_as_it_is(text: str, longest: int):
    shown = plain(text, longest)
    assert units(shown) <= longest
    assert shown.isprintable()
    assert shown == shown.strip()
    assert plain(shown, longest) == shown


def test_what_is_cut_is_counted_as_services_count():
    assert fitted("\N{ROCKET}" * 10, 20) == "\N{ROCKET}" * 10
    assert fitted("\N{ROCKET}" * 10, 19) == "\N{ROCKET}" * 9 + "…"
    assert fitted("\N{ROCKET}" * 10, 2) == "…"


@pytest.mark.parametrize(
    ("text", "kept"), [("aws s3", True), ("a\nb", False), ("", False), ("x" * 11, False), ("\ufe0f", False)]
)
def test_what_would_be_changed_is_not_shown_at_all(text: str, *, kept: bool):
    assert whole(text, 10) == (text if kept else None)


def test_an_alert_that_was_open_for_no_time_is_told_all_the_same():
    alert = a_failure().changed(since=at(20), opened_at=at(20), resolved_at=at(12))
    assert headline(over(alert, "fine", minutes=12)) == "RESOLVED daily-gold, FAILED for 0 s (analytics)"
    assert timedelta() == alert.resolved_at - at(12)
