"""Lengths of time: as people write them, and as they are written for people."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from runwatch.core.durations import LONGEST, Span, looks_like_one, parse, short, written


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("1s", timedelta(seconds=1)),
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("2h", timedelta(hours=2)),
        ("7d", timedelta(days=7)),
        ("1h30m", timedelta(minutes=90)),
        ("1d2h3m4s", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("0h5m", timedelta(minutes=5)),
        ("007m", timedelta(minutes=7)),
        ("3650d", LONGEST),
        ("315360000s", LONGEST),
    ],
)
def test_a_length_of_time_is_read(text: str, time: timedelta):
    assert parse(text) == time


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "5",
        "m",
        "2 hours",
        "2h ",
        " 2h",
        "2H",
        "1.5h",
        "-1h",
        "+1h",
        "1m1h",
        "1h1h",
        "1h 30m",
        "1e3s",
        "inf",
        "PT2H",
        "2h\n",
        "\n2h",
        "٣h",
        "²h",
        "\ud83d",
        "2w",
        "1000000000s",
        "9" * 5000 + "d",
    ],
)
def test_what_is_no_length_of_time_is_refused_with_the_way_to_write_it(text: str):
    with pytest.raises(ValueError, match=r"is no length of time; write it like 90s, 30m, 2h or 7d") as refused:
        parse(text)
    assert not looks_like_one(text)
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize("text", ["0s", "0d0h0m0s", "000m"])
def test_nothing_is_no_length_of_time(text: str):
    with pytest.raises(ValueError, match=rf"'{text}' is no length of time: it must be more than nothing"):
        parse(text)
    assert looks_like_one(text)


@pytest.mark.parametrize("text", ["3650d1s", "315360001s", "999999999d", "999999999d999999999h999999999m999999999s"])
def test_what_is_too_long_is_refused_however_long_it_is(text: str):
    with pytest.raises(ValueError, match=rf"'{text}' is too long: at most 3650d"):
        parse(text)
    assert looks_like_one(text)


@pytest.mark.parametrize(
    ("seconds", "reading", "text"),
    [
        (0, "0 s", "0s"),
        (1, "1 s", "1s"),
        (59.999, "59 s", "59s"),
        (60, "1 min", "1m"),
        (61, "1 min 1 s", "1m1s"),
        (599, "9 min 59 s", "9m59s"),
        (600, "10 min", "10m"),
        (659, "10 min", "10m59s"),
        (32 * 60 + 5, "32 min", "32m5s"),
        (3599, "59 min", "59m59s"),
        (3600, "1 h", "1h"),
        (3659, "1 h", "1h59s"),
        (3 * 3600 + 5 * 60, "3 h 5 min", "3h5m"),
        (86399, "23 h 59 min", "23h59m59s"),
        (86400, "1 d", "1d"),
        (86400 + 3599, "1 d", "1d59m59s"),
        (2 * 86400 + 4 * 3600 + 59, "2 d 4 h", "2d4h59s"),
        (400 * 86400, "400 d", "400d"),
        (-5, "0 s", "0s"),
        (-86400.5, "0 s", "0s"),
    ],
)
def test_a_length_of_time_is_written_for_people_and_to_be_read_again(seconds: float, reading: str, text: str):
    time = timedelta(seconds=seconds)
    assert (written(time), short(time)) == (reading, text)


@given(st.integers(1, 3650 * 86400))
def test_what_is_written_short_is_read_as_the_same(seconds: int):
    time = timedelta(seconds=seconds)
    assert parse(short(time)) == time


@given(st.timedeltas())
def test_any_length_of_time_can_be_written(time: timedelta):
    assert written(time)
    assert looks_like_one(short(time)) or time > LONGEST


@given(st.text() | st.from_regex(r"[0-9]{1,12}[smhd]([0-9]{1,12}[smhd]){0,3}", fullmatch=True))
def test_any_text_is_read_within_the_bounds_or_refused_as_a_value(text: str):
    try:
        time = parse(text)
    except ValueError:
        return
    assert timedelta() < time <= LONGEST
    assert looks_like_one(text)


class _Model(BaseModel):
    span: Span


@pytest.mark.parametrize("value", ["1h30m", timedelta(minutes=90)])
def test_a_field_takes_text_or_time_and_is_text_in_json_only(value: object):
    model = _Model.model_validate({"span": value})
    assert model.span == timedelta(minutes=90)
    assert model.model_dump() == {"span": timedelta(minutes=90)}
    assert model.model_dump_json() == '{"span":"1h30m"}'
    assert _Model.model_validate_json(model.model_dump_json()) == model


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (90, "'90' is no length of time; write it like"),
        (True, "'True' is no length of time; write it like"),
        (None, "'None' is no length of time; write it like"),
        (float("inf"), "'inf' is no length of time; write it like"),
        (["2h"], "is no length of time; write it like"),
        ("2 hours", "'2 hours' is no length of time; write it like"),
        (timedelta(), "0:00:00 is no length of time: it must be more than nothing"),
        (timedelta(seconds=-1), "-1 day, 23:59:59 is no length of time: it must be more than nothing"),
        (timedelta(milliseconds=1500), "0:00:01.500000 is no length of time: it must be whole seconds"),
        (timedelta(days=3651), "3651 days, 0:00:00 is too long: at most 3650d"),
        (timedelta.max, "999999999 days, 23:59:59.999999 is too long"),
        pytest.param(10**5000, "digits", id="huge"),
    ],
)
def test_a_field_refuses_all_else(value: object, reason: str):
    with pytest.raises(ValidationError) as refused:
        _Model.model_validate({"span": value})
    (fault,) = refused.value.errors()
    assert reason in fault["msg"]
