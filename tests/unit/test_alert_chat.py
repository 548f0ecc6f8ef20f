"""What people read of alerts in chat: the schema of Amazon Q Developer, and texts without a meaning in its markdown."""

# ruff: noqa: RUF001 - letters that look like others are the promise

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from runwatch.core.alerts.chat import entry_of_chat, escaped
from runwatch.core.alerts.plain import units
from runwatch.core.alerts.rules import Rule
from runwatch.core.alerts.telling import Change, Telling
from runwatch.core.ids import AlertThread, Audience
from runwatch.core.messages import Kind
from tests.alert_stories import NAMES, message
from tests.alerting import a_failure, a_telling, an_alert, over
from tests.builders import RUN, SOURCE, at

LIMIT = 256 * 1024


def _text(longest: int) -> dict[str, object]:
    return {"type": "string", "minLength": 1, "maxLength": longest}


SCHEMA = Draft202012Validator(
    {
        "type": "object",
        "required": ["version", "source", "content"],
        "additionalProperties": False,
        "properties": {
            "version": {"const": "1.0"},
            "source": {"const": "custom"},
            "id": _text(64),
            "content": {
                "type": "object",
                "required": ["textType", "title", "description"],
                "additionalProperties": False,
                "properties": {
                    "textType": {"const": "client-markdown"},
                    "title": _text(250),
                    "description": _text(8000),
                    "nextSteps": {"type": "array", "items": _text(350)},
                    "keywords": {"type": "array", "items": _text(75)},
                },
            },
            "metadata": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "threadId": _text(64),
                    "summary": _text(250),
                    "enableCustomActions": {"type": "boolean"},
                    "eventType": _text(64),
                    "relatedResources": {"type": "array", "items": _text(1024)},
                    "additionalContext": {"type": "object", "additionalProperties": _text(250)},
                },
            },
        },
    }
)
"""The user guide's, "Custom notifications"."""


def notification(telling: Telling) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(entry_of_chat(telling, 1).body)
    return said


def texts(said: dict[str, Any]) -> list[str]:
    """All that is shown."""
    content, metadata = said["content"], said["metadata"]
    shown = [content["title"], content["description"], *content.get("nextSteps", []), *content["keywords"]]
    return [*shown, metadata["summary"], *metadata["additionalContext"].values()]


@pytest.mark.parametrize("name", NAMES)
def test_every_notification_is_of_the_schema_in_the_thread_of_its_alert(name: str):
    said, alert_id = json.loads(message(name).chat.body), message(name).people.attributes["alertId"]
    SCHEMA.validate(said)
    assert said["metadata"]["threadId"] == alert_id
    assert said["content"]["description"].splitlines()[-1].startswith(f"Alert {alert_id} (")


def test_a_channel_s_custom_actions_are_not_offered_below_an_alert():
    assert notification(a_telling(a_failure()))["metadata"]["enableCustomActions"] is False


def test_an_entry_is_in_the_chat_s_thread_and_has_the_same_attributes_as_the_text_for_people():
    entry = entry_of_chat(a_telling(a_failure()), 4)
    assert entry.ledger == AlertThread(SOURCE, "al-000000000000000000000001", Audience.CHAT)
    assert (entry.sequence, entry.kind, entry.recorded_at) == (4, Kind.ALERT, at(13))
    assert json.loads(entry.body)["id"] == entry.message_id
    assert entry.attributes["alertId"] == "al-000000000000000000000001"
    assert entry.message_id == entry_of_chat(a_telling(a_failure(), minutes=20), 4).message_id
    assert entry.message_id != entry_of_chat(a_telling(a_failure()), 5).message_id


def test_a_failure_says_all_that_the_text_says():
    said = notification(a_telling(a_failure()))
    assert said["content"]["title"] == "FAILED daily-gold: out of memory (analytics)" == said["metadata"]["summary"]
    lines = said["content"]["description"].splitlines()
    assert lines[0] == "A run of the job failed, and nothing will retry it."
    assert "*Since:* 02:11 UTC, 2 min ago" in lines
    assert "*Error:* out of memory, for the 3rd time in 7 days" in lines
    log = "s3://logs/emr/applications/00f1abc/jobs/00f2def/attempts/2/SPARK_DRIVER/stderr.gz"
    at_log = lines.index(f"*Driver's log:* `{log}`")
    assert lines[at_log + 1] == f"`aws s3 cp {log} - | gunzip`"
    which = "--application 00f1abc --job daily-gold"
    assert said["content"]["nextSteps"] == [
        "Give the worker that the log names (driver or executor) more memory, or make the data of each task smaller.",
        "*Owner:* data-platform",
        "*Runbook:* https://wiki.example.com/runbooks/daily-gold",
        f"Silence it: `runwatch silence add {which} --for 2h --reason 'it is being looked at'`",
    ]
    assert said["content"]["keywords"] == ["warning", "run-failed", "daily-gold", "analytics", "out of memory"]
    assert said["metadata"]["relatedResources"] == [RUN.arn]
    assert said["metadata"]["additionalContext"]["jobRunName"] == "daily-gold"


def test_what_is_over_asks_for_nothing():
    said = notification(over(a_failure(), "a run of the job succeeded"))
    assert "nextSteps" not in said["content"]
    assert said["metadata"]["additionalContext"]["status"] == "resolved"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<!channel>", "&lt;!channel&gt;"),
        ("<@U012AB3CD>", "&lt;\N{FULLWIDTH COMMERCIAL AT}U012AB3CD&gt;"),
        ("a & b", "a &amp; b"),
        ("daily_gold_v2", "daily_gold_v2"),
        ("_daily_", "ˍdailyˍ"),
        ("a _b_ c", "a ˍbˍ c"),
        ("*bold* ~gone~ `code`", "∗bold∗ ∼gone∼ ˋcodeˋ"),
        ("[text](https://evil.example)", "［text］(https:⁄⁄evil.example)"),
        ("<https://evil.example|click>", "&lt;https:⁄⁄evil.example¦click&gt;"),
        ("# title @here", "＃ title ＠here"),
        ("plain words, 12 % (of it): fine; yes-no/maybe.", "plain words, 12 % (of it): fine; yes-no/maybe."),
    ],
)
def test_what_would_have_a_meaning_in_chat_has_none_and_the_rest_stays(text: str, shown: str):
    assert escaped(text) == shown


@pytest.mark.parametrize(
    ("runbook", "shown"),
    [
        ("https://wiki.example.com/a?b=1&c=2", "*Runbook:* https://wiki.example.com/a?b=1&amp;c=2"),
        ("https://wiki.example.com/<!channel>", "*Runbook:* `https://wiki.example.com/&lt;!channel&gt;`"),
        ("https://wiki.example.com/*a*|b", "*Runbook:* `https://wiki.example.com/*a*|b`"),
        ("https://x/`<!here>`", "*Runbook:* https:⁄⁄x/ˋ&lt;!here&gt;ˋ"),
        ("see the *wiki*", "*Runbook:* `see the *wiki*`"),
    ],
)
def test_a_link_is_one_if_nothing_in_it_could_be_anything_else(runbook: str, shown: str):
    assert shown in notification(a_telling(a_failure(runbook=runbook)))["content"]["nextSteps"]


def test_a_command_that_cannot_be_shown_as_it_is_is_left_out():
    assert "`aws s3 cp " in notification(a_telling(a_failure()))["content"]["description"]
    said = notification(a_telling(a_failure(log_command="aws s3 cp 's3://a`b' - | gunzip")))
    assert "gunzip" not in said["content"]["description"]
    redirected = notification(a_telling(a_failure(log_command="cat <a >b")))
    assert "`cat &lt;a &gt;b`" in redirected["content"]["description"]


def test_a_silence_that_is_too_long_for_a_step_is_left_out():
    steps = notification(a_telling(a_failure(name="'" * 300)))["content"]["nextSteps"]
    assert not any("runwatch silence" in step for step in steps)


PART = re.compile(r"`[^`\n]*`|\*[A-Z][A-Za-z' ]+:\*|https://[A-Za-z0-9./?&;=#:%$,+_-]+")
"""What is ours in a text: code, labels, and links."""

MARKUP = set("*~`<>|@#[]\\")
SPECIAL = [
    *("<!channel>", "<@U1>", "<http://a|b>", "*b*", "_i_", "~s~", "`c`", "```", "\n> q", "[a](http://b)", "@here"),
    *("&lt;", "#x"),
]
STRANGE = st.one_of(
    st.lists(st.sampled_from([*SPECIAL, "\N{ROCKET}", "x", " ", "\u202e"]), max_size=60).map("".join),
    st.text(st.characters(codec=None), max_size=40),
    st.sampled_from(["<" * 300, "&" * 300, "\N{ROCKET}" * 300, "_" * 300, "`" * 300]),
)
KEYS = (
    "state",
    "details",
    "error",
    "advice",
    "owner",
    "runbook",
    "created_by",
    "driver_log",
    "log_command",
    "currency",
)


@st.composite
def strange_tellings(draw: st.DrawFn) -> Telling:
    def strange() -> Any:
        return an_alert(
            draw(st.sampled_from(Rule)),
            reason=draw(STRANGE),
            of={name: draw(st.none() | STRANGE) for name in ("application_name", "job_name", "expected")},
            known={key: draw(st.none() | STRANGE) for key in KEYS},
            resolution=draw(st.none() | STRANGE),
        )

    alerts = [strange() for _ in range(draw(st.integers(1, 3)))]
    members = tuple(strange() for _ in range(draw(st.integers(0, 2))))
    return a_telling(*alerts, change=draw(st.sampled_from(Change)), members=members)


@given(strange_tellings())
def test_whatever_strangers_wrote_it_is_of_the_schema_and_has_no_meaning_in_chat(telling: Telling):
    said = notification(telling)
    SCHEMA.validate(said)
    for text in texts(said):
        assert text.replace("\n", "").isprintable()
        rest = PART.sub("", text)
        assert not MARKUP & set(rest), rest
        assert not re.search(r"&(?!amp;|lt;|gt;)", text)
        assert not re.search(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", rest)
        for code in re.findall(r"`[^`\n]*`", text):
            assert not set(code) & set("<>")
    assert units(said["content"]["title"]) <= 250
    assert units(said["content"]["description"]) <= 8000
    assert all(units(step) <= 350 for step in said["content"].get("nextSteps", []))
    assert len(entry_of_chat(telling, 1).body.encode()) < LIMIT


@pytest.mark.parametrize("letter", ["x", "&", "<", "\N{ROCKET}", "*"])
def test_not_even_the_longest_texts_of_all_make_a_notification_that_is_too_long(letter: str):
    words = letter * 100_000
    alert = an_alert(
        reason=words,
        of={"application_name": words, "job_name": words},
        known=dict.fromkeys(KEYS, words),
        resolution=words,
    )
    for telling in (a_telling(alert), a_telling(*[alert] * 60), a_telling(alert, members=(alert,) * 60)):
        said = notification(telling)
        SCHEMA.validate(said)
        assert units(said["content"]["description"]) <= 8000
        assert said["content"]["description"].endswith(" (run-failed, warning)")


def test_the_title_of_a_notification_is_the_subject_of_the_text():
    for name in NAMES:
        subject = message(name).people.body.partition("\n")[0]
        assert json.loads(message(name).chat.body)["content"]["title"] == escaped(subject)
