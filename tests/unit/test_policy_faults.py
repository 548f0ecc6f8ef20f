"""A policy with faults: nothing of it is taken over, and every fault is told with its place and its reason."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runwatch.core.alerts.faults import Faulty
from runwatch.core.alerts.policy import Policy, read
from runwatch.core.alerts.rules import Rule

HOW = "write it like 90s, 30m, 2h or 7d"
RULES = (
    "application-failing, application-slow, application-stuck, attempt-failed, bad-tag, item-unreadable, "
    "job-absent, over-budget, "
    "policy-invalid, retries-running-out, run-cancelled, run-failed, run-lost, run-quarantined, run-stuck, "
    "run-unreadable, running-too-long, source-denied, source-throttled, source-unreadable, streaming-thrash, "
    "timeout-near, unexpected-transition"
)
EXPECTED = '[[expected]]\nname="a"\ncron="0 2 * * *"\nstart_within="1h"\n'
WINDOW = '[[maintenance]]\ncron="0 2 * * *"\nduration="1h"\nreason="r"\n'
ERROR = '[[errors]]\nname="a"\nadvice="b"\npattern="c"\n'


def faults(text: str) -> list[str]:
    with pytest.raises(Faulty) as refused:
        read(text)
    assert str(refused.value) == "\n".join(refused.value.faults)
    return refused.value.faults


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        # lengths of time
        (
            '[defaults]\nmax_runtime="2 hours"',
            f"defaults.max_runtime: '2 hours' is no length of time; {HOW}, or \"off\"",
        ),
        (
            '[defaults]\nmax_runtime="0s"',
            "defaults.max_runtime: '0s' is no length of time: it must be more than nothing, or \"off\"",
        ),
        ("[defaults]\nmax_runtime=7200", f"defaults.max_runtime: '7200' is no length of time; {HOW}"),
        ('[defaults]\nrepeat_after="never"', f"defaults.repeat_after: 'never' is no length of time; {HOW}, or \"off\""),
        ('[defaults]\nslow_min="off"', f"defaults.slow_min: 'off' is no length of time; {HOW}"),
        ('denied_after="x"', f"denied_after: 'x' is no length of time; {HOW}"),
        ('[defaults]\nmax_runtime=["2h"]', f"defaults.max_runtime: \"['2h']\" is no length of time; {HOW}"),
        # numbers
        ("[defaults]\nslow_factor=0.9", "defaults.slow_factor: Input should be greater than or equal to 1"),
        ('[defaults]\nslow_factor="2"', "defaults.slow_factor: '2' is no number; write one, or \"off\""),
        ("[defaults]\nslow_factor=inf", "defaults.slow_factor: Input should be a finite number"),
        ("[defaults]\nslow_factor=true", "defaults.slow_factor: Input should be a valid number"),
        ("[defaults]\nslow_min_runs=4", "defaults.slow_min_runs: Input should be greater than or equal to 5"),
        ("[defaults]\nslow_min_runs=31", "defaults.slow_min_runs: Input should be less than or equal to 30"),
        ("[defaults]\nslow_min_runs=5.0", "defaults.slow_min_runs: Input should be a valid integer"),
        ("[defaults]\ntimeout_share=0", "defaults.timeout_share: Input should be greater than 0"),
        ("[defaults]\ntimeout_share=1.01", "defaults.timeout_share: Input should be less than or equal to 1"),
        ("[defaults]\nmax_vcpu_hours=0", "defaults.max_vcpu_hours: Input should be greater than 0"),
        ("[defaults]\nmax_vcpu_hours=nan", "defaults.max_vcpu_hours: Input should be a finite number"),
        (
            "[defaults]\nmax_memory_gb_hours=1e10",
            "defaults.max_memory_gb_hours: Input should be less than or equal to 1000000000",
        ),
        ("[prices]\nvcpu_hour=-0.1", "prices.vcpu_hour: Input should be greater than or equal to 0"),
        ('[prices]\ncurrency="usd"', "prices.currency: String should match pattern '^[A-Z]{3}$'"),
        ("[grouping]\nflaps=1", "grouping.flaps: Input should be greater than or equal to 2"),
        # words
        ("[defaults]\nmute=1", "defaults.mute: Input should be a valid boolean"),
        ('[defaults]\nmute="true"', "defaults.mute: Input should be a valid boolean"),
        ('[defaults]\nowner=""', "defaults.owner: must not be empty"),
        ("[defaults]\nowner=2026-01-31", "defaults.owner: Input should be a valid string"),
        (f'[defaults]\nrunbook="{"x" * 301}"', "defaults.runbook: String should have at most 300 characters"),
        (
            '[defaults]\nrunbook="a\\nb"',
            (
                "defaults.runbook: 'a\N{REPLACEMENT CHARACTER}b' has characters that cannot be printed; "
                "write one line of plain text"
            ),
        ),
        # states and rules
        ('[defaults]\nstuck_after="x"', f"defaults.stuck_after: 'x' is no length of time; {HOW}, or \"off\""),
        (
            '[defaults.stuck_after]\nQUEUED="x"',
            f"defaults.stuck_after.QUEUED: 'x' is no length of time; {HOW}, or \"off\"",
        ),
        (
            '[defaults.stuck_after]\nqueued="1h"',
            "defaults.stuck_after.queued: no state that a run only passes through; did you mean QUEUED?",
        ),
        (
            '[defaults.stuck_after]\nRUNNING="1h"',
            (
                "defaults.stuck_after.RUNNING: no state that a run only passes through; "
                "known: CANCELLING, PENDING, QUEUED, SCHEDULED, SUBMITTED"
            ),
        ),
        ('[defaults.rules]\nrun_failed="info"', "defaults.rules.run_failed: no such rule; did you mean run-failed?"),
        ('[defaults.rules]\nx="info"', f"defaults.rules.x: no such rule; known: {RULES}"),
        (
            '[defaults.rules]\nrun-failed="high"',
            "defaults.rules.run-failed: 'high' is none of info, warning, critical, and not \"off\"",
        ),
        (
            "[defaults.rules]\nrun-failed=[]",
            "defaults.rules.run-failed: '[]' is none of info, warning, critical, and not \"off\"",
        ),
        # tables and fields that there are not
        ("[default]\nmute=true", "default: no such field; did you mean defaults?"),
        ('[defaults]\nmax_runtme="2h"', "defaults.max_runtme: no such field; did you mean max_runtime?"),
        ('[defaults]\nmax-runtime="2h"', "defaults.max-runtime: no such field; did you mean max_runtime?"),
        ('[defaults]\napplication="x"', "defaults.application: no such field; known: "),
        ("[defaults]\nbad_tags=[]", "defaults.bad_tags: no such field; known: "),
        ('[[overrides]]\nrule="x"', "overrides[0].rule: no such field; did you mean rules?"),
        ('[[overrides]]\njobs="x"', "overrides[0].jobs: no such field; did you mean job?"),
        (
            '[grouping]\n"a\\nb.c"="2h"',
            "grouping.'a\N{REPLACEMENT CHARACTER}b.c': no such field; known: flapping, flaps, quiet, together",
        ),
        ("[overrides]\nmute=true", "overrides: Input should be a valid tuple"),
        ('defaults="none"', "defaults: Input should be a valid dictionary or instance of Settings"),
        # places in lists
        (
            '[[overrides]]\n[[overrides]]\nmax_runtime="2 hours"',
            f"overrides[1].max_runtime: '2 hours' is no length of time; {HOW}, or \"off\"",
        ),
        ('[[overrides]]\n[[overrides]]\njob=""', "overrides[1].job: String should have at least 1 character"),
        ("[[overrides]]\nstuck_after={QUEUED=3}", f"overrides[0].stuck_after.QUEUED: '3' is no length of time; {HOW}"),
        # expected jobs
        ('[[expected]]\nname="a"\nstart_within="1h"', "expected[0].cron: is missing"),
        ('[[expected]]\nname="a"\ncron="0 2 * * *"', "expected[0].start_within: is missing"),
        ('[[expected]]\ncron="0 2 * * *"\nstart_within="1h"', "expected[0].name: is missing"),
        (EXPECTED + 'succeed_within="1h"', "expected[0].succeed_within: must be longer than start_within"),
        (
            EXPECTED + 'timezone="Berlin"',
            "expected[0].timezone: 'Berlin' is no time zone; write it like Europe/Berlin, or UTC",
        ),
        (
            EXPECTED.replace("0 2 * * *", "0 0 30 2 *"),
            "expected[0].cron: '0 0 30 2 *' is no schedule: Bad day-of-month",
        ),
        (EXPECTED + EXPECTED, "expected: more than one is called 'a'"),
        # maintenance
        (WINDOW + 'rule="run-faild"', "maintenance[0].rule: 'run-faild' is no rule; did you mean run-failed?"),
        (WINDOW.replace("1h", "8d"), "maintenance[0].duration: 8d is too long: at most 7d"),
        (WINDOW.replace('"r"', '" "'), "maintenance[0].reason: must not be empty"),
        # errors
        (
            ERROR.replace('"c"', '"(a"'),
            "errors[0].pattern: '(a' is no regular expression: unclosed group",
        ),
        (ERROR.replace('"c"', '"a{99999999999}"'), "errors[0].pattern: 'a{99999999999}' may take too long: "),
        (
            ERROR.replace('"c"', '"[[a]"'),
            "errors[0].pattern: '[[a]' is no regular expression: unclosed character class",
        ),
        (ERROR.replace('"c"', '"(?=a)b"'), "errors[0].pattern: '(?=a)b' may take too long: "),
        (ERROR * 61, "errors: Tuple should have at most 60 items after validation, not 61"),
        ("[job_names]\ngenerated=['x', '(a+)+b']", "job_names.generated[1]: '(a+)+b' may take too long: "),
        (
            "[job_names]\ngenerated=['(a']",
            "job_names.generated[0]: '(a' is no regular expression: unclosed group",
        ),
        ("[job_names]\ngenerated=['']", "job_names.generated[0]: String should have at least 1 character"),
        (
            f"[job_names]\ngenerated={['x'] * 21}",
            "job_names.generated: Tuple should have at most 20 items after validation, not 21",
        ),
        ("[job_names]\nkeep=['']", "job_names.keep[0]: String should have at least 1 character"),
        ("[job_names]\nstrip=['x']", "job_names.strip: no such field; known: generated, keep"),
        (ERROR.replace('"c"', '""'), "errors[0].pattern: String should have at least 1 character"),
        (ERROR.replace('"c"', f'"{"c" * 301}"'), "errors[0].pattern: String should have at most 300 characters"),
        # what contradicts itself
        ("[defaults]\nmax_cost=5", "prices: max_cost is given and no price, so no cost would ever be known"),
        ("[[overrides]]\nmax_cost=5", "prices: max_cost is given and no price, so no cost would ever be known"),
    ],
)
def test_a_fault_is_told_with_its_place_and_its_reason(text: str, fault: str):
    (told,) = faults(text)
    assert told.startswith(fault) if fault.endswith(": ") else told == fault


def test_all_faults_are_told_at_once():
    text = (
        '[defaults]\nmute=1\n[[overrides]]\nmax_runtme="2h"\nslow_min="x"\n[[expected]]\nname="a"\ncron="x"\n[price]\n'
    )
    assert [fault.partition(": ")[0] for fault in faults(text)] == [
        "defaults.mute",
        "overrides[0].slow_min",
        "overrides[0].max_runtme",
        "expected[0].cron",
        "expected[0].start_within",
        "price",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "[defaults]\nmute=true\nowner gold\n",
            "line 3, column 7: not TOML: Expected '=' after a key in a key/value pair",
        ),
        ("[defaults", "end of document: not TOML: Expected ']' at the end of a table declaration"),
        ("[defaults]\nmute=true\nmute=true\n", "line 3, column 10: not TOML: Cannot overwrite a value"),
        ("\ufeff[defaults]", "line 1, column 1: not TOML: Invalid statement"),
        ("a=" + "[" * 8000, "not TOML: nested too deeply"),
        (
            "a=" + "9" * 8000,
            "not TOML: Exceeds the limit (4300 digits) for integer string conversion: value has 8000 digits",
        ),
        (
            'a="\ud83d"',
            "not TOML: 'utf-8' codec can't encode character '\\ud83d' in position 3: surrogates not allowed",
        ),
        ('a="\x00"', "line 1, column 4: not TOML: Illegal character '\\x00'"),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(text: str, fault: str):
    (told,) = faults(text)
    assert told.startswith(fault)


def test_a_text_longer_than_a_parameter_is_refused():
    fits = "# " + "ü" * 4095
    assert len(fits.encode()) == 8192
    assert read(fits) == Policy()
    assert faults(fits + "\n") == ["the text has 8193 bytes, and a parameter holds 8192"]


def test_what_is_quoted_of_a_text_is_short_and_in_one_line():
    (told,) = faults('[defaults]\nmax_runtime="' + "\\n" * 3000 + '"')
    assert told.isprintable()
    assert len(told) < 300


# Texts that are nearly a policy: each piece is right or wrong by itself.
LINES = st.sampled_from(
    [
        *(
            "[defaults]",
            "[defaults.rules]",
            "[[overrides]]",
            "[[expected]]",
            "[[maintenance]]",
            "[prices]",
            "[[errors]]",
        ),
        *("[grouping]", "[defaults.stuck_after]", "[overrides.rules]", "[other]"),
        *(
            'max_runtime="2h"',
            'max_runtime="off"',
            'max_runtime="x"',
            'stuck_after="1h"',
            "slow_factor=2",
            "slow_factor=-1",
        ),
        *('QUEUED="1h"', 'run-failed="critical"', 'run-failed="off"', 'bad-tag="high"', "mute=true", "max_cost=5"),
        *('job="daily-*"', 'application="00f1"', 'source="*"', 'name="gold"', 'cron="0 2 * * *"', 'cron="x"'),
        *(
            'timezone="Europe/Berlin"',
            'start_within="1h"',
            'succeed_within="2h"',
            'succeed_within="1m"',
            'duration="1h"',
        ),
        *('reason="r"', "vcpu_hour=0.05", "vcpu_hour=nan", 'pattern="a.*b"', 'pattern="("', 'advice="a"', 'quiet="1h"'),
        *("slow_min_runs=0x" + "f" * 4000, "mute=1979-05-27T07:32:00Z", "owner={a=[1]}", '"\\u0000"=1', "flaps=3"),
    ]
)
NEARLY = st.lists(LINES, max_size=12, unique=True).map("\n".join)


@given(NEARLY | st.text())
def test_any_text_is_a_policy_or_has_faults_with_their_places(text: str):
    try:
        policy = read(text)
    except Faulty as faulty:
        told = faulty.faults
    else:
        assert policy == read(text)
        assert policy.limits("s", "00f1", None, "daily-gold", {}).severity_of(Rule.SOURCE_DENIED)
        return
    assert told
    assert all(": " in fault and "\n" not in fault and len(fault) < 800 for fault in told)
    places = {fault.partition(": ")[0] for fault in told}
    assert places <= {"not TOML"} or all(map(_is_in(text), places))


def _is_in(text: str):  # noqa: ANN202 - a predicate
    """Whether a place can be found in a text: by its table, as far as the text is TOML."""
    try:
        content = tomllib.loads(text)
    except ValueError:
        return lambda place: place.startswith(("line ", "end of "))
    return lambda place: (
        place.partition(".")[0].partition("[")[0].strip("'") in {*content, "prices", "\N{REPLACEMENT CHARACTER}"}
    )


def test_what_is_grouped_is_remembered_for_two_hours():
    with pytest.raises(Faulty) as refused:
        read('[grouping]\ntogether = "3h"\nquiet = "121m"')
    assert [fault.partition(":")[0] for fault in refused.value.faults] == ["grouping.together", "grouping.quiet"]
