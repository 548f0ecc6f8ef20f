"""The policy: its defaults, what overrides and tags make of them, and what it says of jobs that are expected."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runwatch.core.alerts.book import About
from runwatch.core.alerts.policy import Limits, Override, Policy, Prices, Settings, read
from runwatch.core.alerts.rules import RULES, Rule, Severity, Subject
from runwatch.core.durations import parse
from runwatch.core.ids import Source

SOURCE = Source("123456789012", "eu-central-1")
PASSING = {"SUBMITTED": "15m", "QUEUED": "1h", "PENDING": "15m", "SCHEDULED": "15m", "CANCELLING": "40m"}


def limits(policy: Policy | str, job: str | None = "daily-gold", name: str | None = "analytics", **tags: str) -> Limits:
    policy = read(policy) if isinstance(policy, str) else policy
    return policy.limits(SOURCE, "00f1", name, job, {f"runwatch:{tag.replace('_', '-')}": tags[tag] for tag in tags})


def stuck_after(**changes: str | None) -> dict[str, timedelta]:
    return {state: parse(text) for state, text in (PASSING | changes).items() if text is not None}


def test_an_empty_text_is_the_default_policy():
    assert read("") == read("# nothing\n") == read("[defaults]") == Policy()


def test_the_defaults_are_those_that_are_promised():
    settings = limits("")
    assert settings.stuck_after == stuck_after()
    assert settings.max_runtime is None
    assert (settings.slow_factor, settings.slow_min_runs, settings.slow_min) == (2.0, 5, parse("15m"))
    assert settings.timeout_share == 0.8
    assert (settings.max_cost, settings.max_vcpu_hours, settings.max_memory_gb_hours) == (None, None, None)
    assert (settings.repeat_after, settings.escalate_after) == (parse("3d"), parse("3d"))
    assert (settings.owner, settings.runbook, settings.mute, settings.bad_tags) == (None, None, False, ())
    assert {rule: settings.severity_of(rule) for rule in Rule} == {rule: RULES[rule].severity for rule in Rule}
    policy = Policy()
    assert (policy.unreadable_after, policy.denied_after, policy.throttled_after) == (
        parse("15m"),
        parse("2m"),
        parse("15m"),
    )
    grouping = policy.grouping
    assert (grouping.together, grouping.quiet, grouping.flaps, grouping.flapping) == (
        parse("1h"),
        parse("30m"),
        2,
        parse("6h"),
    )


ALL = """
unreadable_after = "20m"
denied_after = "3m"
throttled_after = "1h"

[defaults]
stuck_after = { QUEUED = "3h" }
max_runtime = "6h"
slow_factor = 3
slow_min_runs = 10
slow_min = "5m"
timeout_share = 0.9
max_cost = 20
max_vcpu_hours = 100
max_memory_gb_hours = 400.5
repeat_after = "1d"
escalate_after = "off"
rules = { run-failed = "critical", bad-tag = "off" }
owner = " data platform "
runbook = "https://wiki.example.com/emr"
mute = false

[[overrides]]
source = "*/eu-*"
application = "ana*"
job = "daily-*"
max_runtime = "off"
mute = true

[[expected]]
name = "daily-gold"
cron = "0 2 * * MON-FRI"
timezone = "Europe/Berlin"
start_within = "30m"
succeed_within = "3h"

[[maintenance]]
cron = "0 22 * * SAT"
duration = "4h"
timezone = "Europe/Berlin"
reason = "patching"
application = "00f1"

[prices]
vcpu_hour = 0.052624
memory_gb_hour = 0.0057785
storage_gb_hour = 0.000111
currency = "EUR"

[[errors]]
name = "quota of the warehouse"
pattern = "WAREHOUSE-429"
advice = "Ask the warehouse's team."

[grouping]
together = "10m"
quiet = "1h"
flaps = 4
flapping = "12h"
"""


def test_everything_that_can_be_written_is_read():
    policy = read(ALL)
    assert policy.defaults.stuck_after == stuck_after(QUEUED="3h")
    assert policy.defaults.model_dump(exclude={"stuck_after"}) == {
        "max_runtime": parse("6h"),
        "slow_factor": 3.0,
        "slow_min_runs": 10,
        "slow_min": parse("5m"),
        "timeout_share": 0.9,
        "max_cost": 20.0,
        "max_vcpu_hours": 100.0,
        "max_memory_gb_hours": 400.5,
        "repeat_after": parse("1d"),
        "escalate_after": None,
        "rules": {Rule.RUN_FAILED: Severity.CRITICAL, Rule.BAD_TAG: None},
        "owner": "data platform",
        "runbook": "https://wiki.example.com/emr",
        "mute": False,
    }
    (override,), (expected,), (window,), (error,) = policy.overrides, policy.expected, policy.maintenance, policy.errors
    assert (override.source, override.application, override.job, override.mute) == ("*/eu-*", "ana*", "daily-*", True)
    assert (expected.job, expected.cron, expected.timezone) == ("daily-gold", "0 2 * * MON-FRI", "Europe/Berlin")
    assert (expected.start_within, expected.succeed_within) == (parse("30m"), parse("3h"))
    assert (window.cron, window.duration, window.reason, window.application) == (
        "0 22 * * SAT",
        parse("4h"),
        "patching",
        "00f1",
    )
    assert policy.prices == Prices(
        vcpu_hour=0.052624, memory_gb_hour=0.0057785, storage_gb_hour=0.000111, currency="EUR"
    )
    assert (error.name, error.pattern, error.advice) == (
        "quota of the warehouse",
        "WAREHOUSE-429",
        "Ask the warehouse's team.",
    )
    assert policy.grouping.model_dump(mode="json") == {"together": "10m", "quiet": "1h", "flaps": 4, "flapping": "12h"}
    assert (policy.unreadable_after, policy.denied_after, policy.throttled_after) == (
        parse("20m"),
        parse("3m"),
        parse("1h"),
    )


@pytest.mark.parametrize(
    ("text", "stuck"),
    [
        ('stuck_after="2h"', dict.fromkeys(PASSING, "2h")),
        ('stuck_after="off"', dict.fromkeys(PASSING)),
        ('stuck_after={QUEUED="3h"}', {"QUEUED": "3h"}),
        ('stuck_after={QUEUED="off", PENDING="1m"}', {"QUEUED": None, "PENDING": "1m"}),
    ],
)
@pytest.mark.parametrize("table", ["[defaults]", "[[overrides]]"])
def test_a_limit_is_given_for_all_states_or_for_some(table: str, text: str, stuck: dict[str, str | None]):
    assert limits(f"{table}\n{text}").stuck_after == stuck_after(**stuck)


@pytest.mark.parametrize(
    ("matchers", "job", "name", "applies"),
    [
        ("", "daily-gold", "analytics", True),
        ("", None, None, True),
        ('job="daily-*"', "daily-gold", "analytics", True),
        ('job="daily-*"', "Daily-gold", "analytics", False),
        ('job="daily-*"', None, "analytics", False),
        ('application="00f1"', "daily-gold", None, True),
        ('application="00f2"', "daily-gold", "analytics", False),
        ('application="ana*"', "daily-gold", "analytics", True),
        ('application="ana*"', "daily-gold", None, False),
        ('source="123456789012/*"', "daily-gold", "analytics", True),
        ('source="*/us-east-1"', "daily-gold", "analytics", False),
        ('job="daily-*"\napplication="00f2"', "daily-gold", "analytics", False),
        ('job="hourly"\napplication="00f1"', "daily-gold", "analytics", False),
    ],
)
def test_an_override_is_for_the_jobs_that_fit_all_of_its_patterns(
    matchers: str, job: str | None, name: str | None, applies: object
):
    settings = limits(f'[[overrides]]\n{matchers}\nmax_runtime="2h"', job, name)
    assert settings.max_runtime == (parse("2h") if applies else None)


def test_the_later_override_wins_setting_by_setting():
    settings = limits(
        '[[overrides]]\nmax_runtime="1h"\nowner="one"\nstuck_after={QUEUED="2h", PENDING="1m"}\n'
        'rules={run-failed="critical", run-stuck="info"}\n'
        '[[overrides]]\nmax_runtime="3h"\nstuck_after={QUEUED="4h"}\nrules={run-stuck="off"}\n'
        '[[overrides]]\njob="other"\nmax_runtime="9h"\n'
    )
    assert (settings.max_runtime, settings.owner) == (parse("3h"), "one")
    assert settings.stuck_after == stuck_after(QUEUED="4h", PENDING="1m")
    assert settings.severity_of(Rule.RUN_FAILED) is Severity.CRITICAL
    assert settings.severity_of(Rule.RUN_STUCK) is None
    assert settings.severity_of(Rule.RUN_CANCELLED) is Severity.WARNING


def test_an_override_can_give_the_default_back():
    defaults = '[defaults]\nmute=true\nmax_runtime="1h"\nslow_factor="off"\n'
    text = defaults + '[[overrides]]\nmute=false\nmax_runtime="off"\nslow_factor=2.0'
    settings = limits(text)
    assert (settings.mute, settings.max_runtime, settings.slow_factor) == (False, None, 2.0)


def test_the_tags_of_a_run_win_over_the_policy():
    override = '[[overrides]]\nmax_runtime="1h"\nmax_cost=1\nstuck_after="1m"\nmute=true\nowner="a"\nrunbook="b"'
    text = f"[prices]\nvcpu_hour=0.1\n{override}"
    settings = limits(
        text,
        max_runtime="off",
        max_cost="2.5",
        stuck_after="2h",
        mute="false",
        owner="c",
        runbook="d",
        severity="critical",
    )
    assert (settings.max_runtime, settings.max_cost, settings.mute) == (None, 2.5, False)
    assert (settings.owner, settings.runbook) == ("c", "d")
    assert settings.stuck_after == stuck_after(**dict.fromkeys(PASSING, "2h"))
    assert settings.bad_tags == ()
    assert limits(text).max_runtime == parse("1h")


def test_a_tag_takes_all_limits_of_states_away():
    assert limits("", stuck_after="off").stuck_after == {}


def test_the_severity_of_a_tag_is_that_of_all_about_the_run_or_its_job_but_of_what_is_only_information():
    settings = limits('[defaults.rules]\nrun-stuck="off"\nrun-failed="info"', severity="critical")
    for rule in Rule:
        nature = RULES[rule]
        counts = nature.subject in {Subject.RUN, Subject.JOB} and nature.severity is not Severity.INFO
        meant = Severity.CRITICAL if counts else nature.severity
        assert settings.severity_of(rule) is (None if rule is Rule.RUN_STUCK else meant)


def test_a_wrong_tag_is_told_and_leaves_the_policy_in_force():
    settings = limits('[defaults]\nmax_runtime="1h"', max_runtime="long", mute="true")
    assert (settings.max_runtime, settings.mute) == (parse("1h"), True)
    assert settings.bad_tags == (
        "runwatch:max-runtime: 'long' is no length of time; write it like 90s, 30m, 2h or 7d, or off",
    )


def test_a_limit_of_costs_in_a_tag_is_wrong_as_long_as_nothing_has_a_price():
    assert limits("", max_cost="5").bad_tags == ("runwatch:max-cost: the policy has no prices, so no cost is known",)
    assert limits("[prices]\nvcpu_hour=0.1", max_cost="5").bad_tags == ()
    assert limits("", max_cost="off").bad_tags == ()


@pytest.mark.parametrize(
    ("hours", "cost"),
    [
        ((10.0, 100.0, 1000.0), 10 * 0.05 + 100 * 0.005 + 1000 * 0.0001),
        ((10.0, None, None), 0.5),
        ((0.0, 0.0, 0.0), 0.0),
        ((None, None, None), None),
    ],
)
def test_a_cost_is_that_of_what_was_measured(hours: tuple[float | None, ...], cost: float | None):
    prices = Prices(vcpu_hour=0.05, memory_gb_hour=0.005, storage_gb_hour=0.0001)
    assert prices.cost(*hours) == (None if cost is None else pytest.approx(cost))


def test_what_has_no_price_costs_nothing_and_without_prices_no_cost_is_known():
    assert Prices(vcpu_hour=0.5).cost(2.0, 100.0, 100.0) == 1.0
    assert Prices(storage_gb_hour=0.5).cost(2.0, 100.0, None) is None
    assert Prices().cost(2.0, 100.0, 100.0) is None
    assert Prices(vcpu_hour=0).are_known
    assert not Prices(currency="EUR").are_known


def test_an_expectation_is_for_the_jobs_that_its_patterns_name():
    due = 'cron="0 2 * * *"\nstart_within="1h"\n'
    policy = read(
        f'[[expected]]\nname="daily-gold"\n{due}'
        f'[[expected]]\nname="gold, in the north"\njob="*-gold"\nsource="*/eu-north-1"\n{due}'
        f'[[expected]]\nname="gold of analytics"\njob="*-gold"\napplication="00f1"\n{due}'
    )
    here = About(source=str(SOURCE), application_id="00f1", job_name="daily-gold")

    def names(about: About) -> list[str]:
        return [each.name for each in policy.expecting(about)]

    assert names(here) == ["daily-gold", "gold of analytics"]
    assert names(here.changed(application_id="00f2")) == ["daily-gold"]
    assert names(here.changed(job_name="hourly-gold", job="hourly-gold")) == ["gold of analytics"]
    assert names(here.changed(job_name="daily-gold-2026-01-31")) == ["daily-gold", "gold of analytics"], "by identity"
    assert names(here.changed(job="orders")) == ["daily-gold", "gold of analytics"], "by the name of the run"
    assert names(here.changed(source="123456789012/eu-north-1")) == [
        "daily-gold",
        "gold, in the north",
        "gold of analytics",
    ]
    assert names(here.changed(job_name=None, job=None)) == []
    assert [each.is_at(str(SOURCE)) for each in policy.expected] == [True, False, True]


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("", False),
        ('[[overrides]]\njob="a"', False),
        ('[[overrides]]\napplication="***"', False),
        ('[[overrides]]\napplication="ana*"', True),
        ('[[expected]]\nname="a"\ncron="0 2 * * *"\nstart_within="1h"', False),
        ('[[expected]]\nname="a"\ncron="0 2 * * *"\nstart_within="1h"\napplication="a"', True),
        ('[[maintenance]]\ncron="0 2 * * *"\nduration="1h"\nreason="r"\napplication="a"', True),
    ],
)
def test_names_of_applications_are_asked_for_where_a_pattern_needs_them(text: str, needed: object):
    assert read(text).names_applications is needed


def test_policies_that_say_the_same_are_the_same_and_others_are_not():
    assert read(ALL).id == read(ALL + "\n# a comment").id
    assert hash(read(ALL)) == hash(read(ALL))
    assert read(ALL) != Policy()
    unset, off = read("[[overrides]]"), read('[[overrides]]\nmax_runtime="off"')
    assert unset != off
    assert len({unset, off, Policy(), read("")}) == 3
    assert Policy() != "policy"


def test_the_limits_of_policies_that_differ_are_not_mixed_up():
    """They are kept for the next run that asks."""
    unset, off = (
        read('[defaults]\nmax_runtime="1h"\n[[overrides]]'),
        read('[defaults]\nmax_runtime="1h"\n[[overrides]]\nmax_runtime="off"'),
    )
    assert [limits(policy).max_runtime for policy in (unset, off, unset)] == [parse("1h"), None, parse("1h")]


def test_runs_of_one_policy_share_their_limits():
    policy = read('[[overrides]]\njob="daily-*"\nmute=true')
    assert limits(policy, "daily-a") is limits(policy, "daily-b")
    assert limits(policy, "daily-a", owner="x") is not limits(policy, "daily-a", owner="y")
    assert limits(policy, "daily-a", owner="x").owner == "x"


def test_a_source_is_said_as_text_or_as_itself():
    policy = read('[[overrides]]\nsource="123456789012/eu-central-1"\nmute=true')
    assert policy.limits(SOURCE, None, None, None, {}).mute
    assert policy.limits(str(SOURCE), None, None, None, {}).mute


def test_tags_of_others_do_not_matter():
    policy = Policy()
    mine = policy.limits(SOURCE, "00f1", None, "a", {})
    assert policy.limits(SOURCE, "00f1", None, "a", {f"team-{number}": "x" for number in range(100)}) is mine


GIVEN = st.fixed_dictionaries(
    {},
    optional={
        "max_runtime": st.sampled_from(["1h", "2h", "off"]),
        "slow_factor": st.sampled_from([1, 2.0, 3.5, "off"]),
        "escalate_after": st.sampled_from(["1d", "off"]),
        "mute": st.booleans(),
        "owner": st.sampled_from(["a", "b"]),
        "stuck_after": st.sampled_from(["1h", "off"])
        | st.dictionaries(st.sampled_from(list(PASSING)), st.sampled_from(["1h", "off"])),
        "rules": st.dictionaries(st.sampled_from(list(Rule)), st.sampled_from([*Severity, "off"])),
    },
)


@given(GIVEN, st.lists(GIVEN, max_size=4))
def test_what_holds_is_the_last_that_was_given(defaults: dict[str, Any], overrides: list[dict[str, Any]]):
    policy = Policy.model_validate({"defaults": defaults, "overrides": overrides})
    settings, read_alone = limits(policy), [Settings.model_validate(each) for each in (defaults, *overrides)]
    for name in ("max_runtime", "slow_factor", "escalate_after", "mute", "owner"):
        given_last = [each for each in read_alone if name in each.model_fields_set]
        assert getattr(settings, name) == getattr(given_last[-1] if given_last else Settings(), name)
    for state, usual in PASSING.items():
        said = [
            each.stuck_after[state]
            for each in read_alone
            if "stuck_after" in each.model_fields_set and state in each.stuck_after
        ]
        assert settings.stuck_after.get(state) == (said[-1] if said else parse(usual))
    for rule in Rule:
        said_of_it = [each.rules[rule] for each in read_alone if rule in each.rules]
        assert settings.severity_of(rule) == (said_of_it[-1] if said_of_it else RULES[rule].severity)


def test_an_override_knows_which_settings_it_was_given():
    assert Override(max_runtime=None).model_fields_set == {"max_runtime"}
