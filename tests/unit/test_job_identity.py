"""The identity of a job: generated parts of a name go, all else stays, and what people say of it counts first."""

import string
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from runwatch.core.alerts.job_identity import without_generated_parts
from runwatch.core.alerts.policy import Policy, read

UUID_4 = "6f1e9f5c-0a4e-4c38-9a3e-3f5f0c2b7d11"


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        (f"emr_serverless_job_airflow_{UUID_4}", "emr_serverless_job_airflow"),
        (f"gold-{UUID_4}_{UUID_4}", "gold"),  # Step Functions, started by EventBridge.
        (f"{UUID_4}-gold-{UUID_4}", "gold"),
        (f"dbt-{UUID_4}", "dbt"),
        (f"dbt-{UUID_4.replace('-', '')}", "dbt"),
        (f"dbt_{UUID_4.replace('-', '_').upper()}", "dbt"),
        ("orders_model-1769824800", "orders_model"),
        ("orders_model-1769824800123", "orders_model"),
        ("orders_model-1769824800.123456", "orders_model"),
        ("orders_model-20260131021109", "orders_model"),
        ("etl-2026-01-31", "etl"),
        ("etl-2026_01_31-eu", "etl-eu"),
        ("2026/01/31 etl", "etl"),
        ("etl (2026.01.31)", "etl"),
        ("etl_20260131", "etl"),
        ("etl20260131", "etl"),
        ("cafe2026-01-31", "cafe"),
        ("etl_20260131_0200", "etl"),
        ("etl_20260131T021109", "etl"),
        ("etl-2026-01-31T02:11:09Z-eu", "etl-eu"),
        ("etl-2026-01-31T02:11:09.123456+00:00", "etl"),
        ("etl-2026-01-31t02-11-09-00-00", "etl"),
        ("etl 2026-01-31 02:11", "etl"),
        ("etl-2026-01", "etl"),
        ("etl-202601", "etl"),
        ("etl-2026-W05", "etl"),
        ("etl-2026W051", "etl"),
        ("gold.scheduled__2026-01-31T02:00:00+00:00", "gold"),
        ("gold-manual__2026-01-31T02:00:00.123456+00:00_AbC12dEf", "gold"),
        ("gold-asset_triggered__2026-01-31T02:00:00+00:00_a1b2c3d4-eu", "gold-eu"),
        ("gold-backfill--20260131t020000", "gold"),
        ("manual__2026-01-31T02:00:00+00:00_customer", "customer"),
        ("gold-3f5f0c2b", "gold"),
        ("3F5F0C2B9-gold", "gold"),
        ("job-00f1abcdef", "job"),
        ("gold-2026-02-03-0415beef", "gold"),
        ("20260131feedface20260131feedface-gold", "gold"),
        ("batch-000123", "batch"),
        ("batch#123456", "batch"),
        ("run123456", "run"),
    ],
)
def test_a_generated_part_is_no_part_of_the_identity(name: str, identity: str):
    assert without_generated_parts(name) == identity


@pytest.mark.parametrize(
    "name",
    [
        *("daily-gold", "daily-gold-v2", "part-07", "hourly clicks (eu)", "a--b-", "_", "nightly.load/eu", "日次集計"),
        *("feedface", "etl-feedface", "deadbeef-01", "effaced", "3f5f0c2", "gold-3f5f0c2g1", "x3f5f0c2b"),
        *("store-1042", "store-10422", "report-2025", "tpcds-1000gb", "orders_2000000rows", "utf8_to_latin1"),
        *("emr-7.10.0", "10.0.0.1", "manual__load", "scheduled", "etl-2026-13-01", "etl-2026-1-5", "etl-1826-01-31"),
        "etl-2026-W54",
    ],
)
def test_an_ordinary_name_is_the_identity(name: str):
    assert without_generated_parts(name) == name


@pytest.mark.parametrize("name", ["", UUID_4, "2026-01-31", f"{UUID_4} 2026-01-31", "(20260131T021109Z)", "1769824800"])
def test_a_name_that_is_generated_as_a_whole_leaves_nothing(name: str):
    assert without_generated_parts(name) == ""
    assert Policy().identity_of(name, {}) is None


WORDS = st.sampled_from(["gold", "orders", "v2", "part", "07", "eu", "load", "etl", "airflow", "s3", "dbt", "x1"])
SEPARATORS = st.sampled_from(["-", "_", ".", " ", "/", ":", "__"])
MOMENTS = st.timedeltas(timedelta(), timedelta(days=7300)).map(datetime(2020, 1, 1, tzinfo=UTC).__add__)
FORMATS = (
    *("%Y-%m-%d", "%Y%m%d", "%Y_%m_%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y%m%dT%H%M%S", "%Y%m%d_%H%M"),
    *("%Y%m%d%H%M%S", "%Y-%m-%d-%H-%M-%S", "%Y-%m", "%Y%m", "%G-W%V", "scheduled__%Y-%m-%dT%H:%M:%S+00:00"),
    "manual__%Y-%m-%dT%H:%M:%S.%f+00:00",
)
UUIDS = st.uuids(version=4)
HEX = st.text("0123456789abcdef", min_size=8, max_size=40).filter(lambda text: any(map(str.isdigit, text)))
GENERATED = {
    "a UUID": UUIDS.map(str),
    "a UUID in hexadecimal digits": UUIDS.map(lambda uuid: uuid.hex),
    "hexadecimal digits": HEX,
    "seconds": MOMENTS.map(lambda moment: str(int(moment.timestamp()))),
    "milliseconds": MOMENTS.map(lambda moment: str(int(moment.timestamp() * 1000))),
    "a number": st.integers(10**5, 10**15).map(str),
} | {form: MOMENTS.map(lambda moment, form=form: moment.strftime(form)) for form in FORMATS}


@pytest.mark.parametrize("kind", GENERATED)
@given(data=st.data(), before=st.lists(WORDS, max_size=3), after=st.lists(WORDS.filter(str.isalpha), max_size=2))
def test_two_runs_of_one_template_have_one_identity(
    kind: str, data: st.DataObject, before: list[str], after: list[str]
):
    separator = data.draw(SEPARATORS)
    assume(before or after)
    one, other = (separator.join([*before, data.draw(GENERATED[kind]), *after]) for _ in range(2))
    assert without_generated_parts(one) == without_generated_parts(other)
    assert without_generated_parts(one).startswith(separator.join(before))


@given(st.lists(WORDS, min_size=1, max_size=6), SEPARATORS)
def test_a_name_of_words_and_small_numbers_stays(words: list[str], separator: str):
    name = separator.join(words)
    assert without_generated_parts(name) == name


PIECES = st.lists(st.text(max_size=4) | st.text(string.hexdigits, max_size=12) | st.one_of(*GENERATED.values()))


@given(PIECES.map("".join) | st.text(max_size=400))
def test_the_identity_of_an_identity_is_itself(name: str):
    identity = without_generated_parts(name)
    assert without_generated_parts(identity) == identity


@given(st.text(max_size=300), st.dictionaries(st.just("runwatch:job"), st.text(max_size=300)))
def test_whatever_a_run_is_called_it_has_an_identity_or_none(name: str, tags: dict[str, str]):
    identity = Policy().identity_of(name, tags)
    assert identity is None or identity


def test_a_name_longer_than_aws_allows_is_the_identity():
    assert Policy().identity_of("x" * 245 + "-2026-01-31", {}) == "x" * 245
    assert Policy().identity_of("x" * 256 + "-2026-01-31", {}) == "x" * 256 + "-2026-01-31"


class TestWhatPeopleSay:
    def test_the_tag_gives_the_identity(self):
        assert Policy().identity_of(f"a-{UUID_4}", {"runwatch:job": " gold 20260131 "}) == "gold 20260131"
        assert Policy().identity_of(None, {"runwatch:job": "gold"}) == "gold"

    @pytest.mark.parametrize("value", ["", "  ", "a\nb"])
    def test_a_tag_without_a_meaning_gives_none(self, value: str):
        assert Policy().identity_of("etl-2026-01-31", {"runwatch:job": value}) == "etl"

    def test_a_run_without_a_name_and_a_tag_has_no_identity(self):
        assert Policy().identity_of(None, {}) is None
        assert Policy().identity_of("", {}) is None

    def test_own_patterns_come_before_those_that_are_known(self):
        policy = read("[job_names]\ngenerated = ['-run[0-9]+$', '^tmp_']")
        assert policy.identity_of("tmp_etl-2026-01-31-run7", {}) == "etl"
        assert policy.identity_of("etl-run7-eu", {}) == "etl-run7-eu"
        assert policy.identity_of("-run7", {}) is None

    def test_separators_that_an_own_pattern_leaves_at_the_ends_go_with_it(self):
        policy = read("[job_names]\ngenerated = ['try[0-9]']")
        assert policy.identity_of("etl-try1", {}) == "etl"
        assert policy.identity_of("-etl-", {}) == "-etl-", "nothing was found in it"

    def test_names_that_are_kept_lose_only_what_own_patterns_find(self):
        policy = read("[job_names]\ngenerated = ['-run[0-9]+$']\nkeep = ['load-customer-*']")
        assert policy.identity_of("load-customer-100234-run7", {}) == "load-customer-100234"
        assert policy.identity_of("etl-100234", {}) == "etl"

    def test_the_tag_decides_between_them_and_a_policy(self):
        policy = read("[job_names]\nkeep = ['*']")
        assert policy.identity_of(UUID_4, {}) == UUID_4
        assert policy.identity_of(UUID_4, {"runwatch:job": "gold"}) == "gold"


def test_an_identity_takes_no_override_from_the_name():
    policy = read(
        "[[overrides]]\njob = 'gold'\nowner = 'one'\n[[overrides]]\njob = 'etl-2026*'\nowner = 'two'\n"
        "[[overrides]]\njob = 'tagged'\nowner = 'three'"
    )

    def owner(name: str, **tags: str) -> str | None:
        return policy.limits("s", "00f1", None, name, {f"runwatch:{tag}": value for tag, value in tags.items()}).owner

    assert owner(f"gold-{UUID(int=7)}") == "one", "an override names the identity"
    assert owner("etl-2026-01-31") == "two", "or the name of a run"
    assert owner("etl-2026-01-31", job="tagged") == "three"
    assert owner("etl") is None
