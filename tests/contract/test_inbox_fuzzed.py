"""Whatever comes to the inbox: no unhandled exception, no lost good message, and each bad one with its reason."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import inbox
from runwatch import wiring
from runwatch.core.hints import Hint
from runwatch.core.ids import RunId
from runwatch.core.requests import BadRequest, Track, Untrack, parse
from tests.builders import SOURCE, body_of
from tests.deployed import HERE, Deployed, batch

NASTY = st.one_of(
    st.text(),
    st.text(st.characters(categories=["Cs", "Cc", "Co", "Zl"])),
    st.sampled_from(["\u202e", "\x00", "'; DROP TABLE", "<script>", "9" * 400, "x" * 70_000, "1e999", "00f1"]),
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), NASTY),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NASTY, inner, max_size=4)),
    max_leaves=12,
)
KINDS = st.sampled_from(
    [
        "EMR Serverless Job Run State Change",
        "EMR Serverless Job Run Retry",
        "EMR Serverless Job Resource Utilization Update",
        "EMR Serverless Application State Change",
    ]
)
FIELDS = (
    "applicationId jobRunId state previousState updatedAt createdAt attempt newAttempt resourceUtilizationFinal "
    "account region labels"
)
DETAIL = st.dictionaries(st.one_of(st.sampled_from(FIELDS.split()), NASTY), JSON)
EVENT = st.fixed_dictionaries(
    {},
    optional={
        "source": st.one_of(st.sampled_from(["aws.emr-serverless", "runwatch", "aws.s3"]), JSON),
        "detail-type": st.one_of(KINDS, JSON),
        "account": st.one_of(st.just(SOURCE.account), JSON),
        "region": st.one_of(st.just(SOURCE.region), JSON),
        "time": JSON,
        "detail": st.one_of(DETAIL, st.fixed_dictionaries({"track": DETAIL}), JSON),
    },
)
REQUEST = st.one_of(
    st.fixed_dictionaries({}, optional={"track": st.one_of(DETAIL, JSON), "untrack": st.one_of(DETAIL, JSON)}),
    EVENT,
    JSON,
)
BODY = st.one_of(REQUEST.map(json.dumps), NASTY, REQUEST.map(json.dumps).map(lambda text: text[:-3]))


@given(BODY)
def test_every_text_is_understood_or_refused_with_a_reason(body: str):
    reason, said = "", None
    try:
        said = parse(body, [SOURCE])
    except BadRequest as refused:
        reason = str(refused)
    assert bool(reason) != (isinstance(said, Track | Untrack | Hint) and said.run.source == SOURCE)


def _event(run: RunId) -> str:
    detail = {"applicationId": run.application_id, "jobRunId": run.job_run_id, "state": "SUBMITTED"}
    envelope = {"source": "aws.emr-serverless", "detail-type": "EMR Serverless Job Run State Change", "detail": detail}
    return json.dumps(envelope | {"account": run.source.account, "region": run.source.region})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(st.one_of(BODY, st.sampled_from(["good request", "good event"])), min_size=1, max_size=10))
def test_of_a_batch_every_good_message_is_served_and_every_bad_one_refused(deployed: Deployed, bodies: list[str]):
    """What SQS would not have taken in the first place is not tried: characters that XML 1.0 has no place for."""
    runs: list[RunId] = []
    sent: list[str] = []
    for body in bodies:
        if body.startswith("good"):
            runs.append(deployed.starts(name=f"{body} {len(runs)}"))
            where = {"account": HERE.account, "region": HERE.region}
            sent.append(body_of(run=runs[-1], **where) if body == "good request" else _event(runs[-1]))
        else:
            sent.append(_as_sqs_takes_it(body))
    deployed.refused.heard()
    answer: dict[str, Any] = inbox.handle(batch(*sent), deployed.context)
    assert answer == {"batchItemFailures": []}, deployed.lines()
    for run in runs:
        record = wiring.wired().ports.store.load(run)
        assert record is not None
        assert record.state == "SUCCESS"
    refused = [body for body, attributes in deployed.refused.heard() if attributes["reason"]]
    understood = [body for body in sent if _is_understood(body)]
    assert sorted([*refused, *understood]) == sorted(sent)


def _as_sqs_takes_it(body: str) -> str:
    kept = "".join(letter for letter in body if letter in "\t\n\r" or " " <= letter <= "\ud7ff")
    return kept or "empty"


def _is_understood(body: str) -> bool:
    try:
        parse(body, wiring.wired().settings.sources)
    except BadRequest:
        return False
    return True
