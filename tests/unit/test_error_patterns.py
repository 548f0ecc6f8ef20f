"""Regular expressions of a policy: what is accepted, and that a search for it is bounded."""

import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from runwatch.core.alerts import patterns
from runwatch.core.alerts.patterns import COPIES_AT_MOST, LENGTH_AT_MOST, QuickPattern, affordable, is_found

QUICK: TypeAdapter[str] = TypeAdapter(QuickPattern)

ACCEPTED = [
    r"OutOfMemory|GC overhead|exit code (137|143)|Container .* killed",
    r"(?i)quota .* exceeded .* in (eu|us)-[a-z]",
    r"[*+?{]\*\+\?\{[]*+]",
    r"\(a\)+",
    r"a{2,3}b{4}[cd]{5,}",
    r"\bOOM\b",
    r"[^\W\d]x",
    r"Größe.{0,10}",
    # `re` takes exponential time, or a high power of the text's length, for these.
    r".*a.*b.*c.*d.*e",
    r"(?:\w+\s?)+x",
    r"(a|aa)+$",
    r"((a*)*)*b",
    r".*.*.*!",
    "a?" * 100 + "!",
]
REFUSED = [
    ("(a", "is no regular expression: unclosed group"),
    ("[z-a]", "is no regular expression: invalid character class range"),
    (r"(a)\1", r"\1 has no meaning here"),
    (r"\p{L}", r"\p has no meaning here"),
    (r"\x41", r"\x has no meaning here"),
    ("a(?=b)", "may take too long: of groups that begin with (? only"),
    ("(?<!a)b", "may take too long: of groups that begin with (? only"),
    ("(?P<n>a)", "may take too long: of groups that begin with (? only"),
    ("(?x)a {9}", "may take too long: of groups that begin with (? only"),
    ("(ab){2}", "may take too long: by a number, repeat no group and no repetition"),
    ("a{9}{9}", "may take too long: by a number, repeat no group and no repetition"),
    ("a*{9}", "may take too long: by a number, repeat no group and no repetition"),
    ("a{41}", "may take too long: its numbers of repetitions add up to 41"),
    ("a{ 41 }", "may take too long: its numbers of repetitions add up to 41"),
    ("a{1,21}b{20}", "may take too long: its numbers of repetitions add up to 41"),
    (r"[[a]b]{41}", "may take too long: its numbers of repetitions add up to 41"),
    (r"[]a]{41}", "may take too long: its numbers of repetitions add up to 41"),
    (r"\\{41}", "may take too long: its numbers of repetitions add up to 41"),
    ("[äöüÄ]{9}", "may take too long: its numbers of repetitions add up to 45"),
]


@pytest.mark.parametrize("pattern", ACCEPTED)
def test_a_pattern_that_is_bounded_is_accepted(pattern: str):
    assert affordable(pattern) == pattern


@pytest.mark.parametrize(("pattern", "reason"), REFUSED)
def test_a_pattern_that_is_not_bounded_is_refused_with_the_reason(pattern: str, reason: str):
    with pytest.raises(ValueError, match=re.escape(reason)) as refused:
        affordable(pattern)
    assert pattern in str(refused.value)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("upstream .* late", "The UPSTREAM job is late", True),
        ("^late", "it is late", False),
        (r"\d\w\s[^\W\d]", "7a b", True),
        (r"\w", "é", False),
        (r"\bOOM\b", "ROOM", False),
        (r"\bOOM\b", "an OOM.", True),
        (r"(a|aa)+$", "a" * 1024 + "!", False),
        ("gr.ße", "GRÖSSE Größe", True),
        ("a", "a\ud800", False),
        ("(", "(", False),
    ],
)
def test_a_pattern_is_searched_for_without_regard_to_capitals(pattern: str, text: str, found: object):
    assert is_found(pattern, text) is found


@pytest.mark.parametrize("pattern", [r"(a)\1", "a(?=a)", "(?<!x)a", "(?>a)"])
def test_the_engine_knows_nothing_that_takes_backtracking(pattern: str):
    assert re.search(r"(a)\1", "aa")
    assert not is_found(pattern, "aa")


SIGNS = "aab.[]^-*+?{}{}()(?:|\\wd,,123 é"


def _states(parsed: Any) -> int:
    """Return how many characters and sets the pattern has when every counted repetition is written out."""
    total = 0
    for kind, what in parsed:
        match str(kind):
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                low, high, inner = what
                total += (low if str(high) == "MAXREPEAT" else high or 1) * _states(inner) + 1
            case "SUBPATTERN":
                total += _states(what[-1]) + 1
            case "BRANCH":
                total += sum(map(_states, what[1])) + len(what[1])
            case _:
                total += 1
    return total


@given(st.text(SIGNS, min_size=1, max_size=40))
def test_an_accepted_pattern_has_few_states_however_it_is_repeated(pattern: str):
    from re import _parser as parser  # type: ignore[attr-defined]  # noqa: PLC0415

    try:
        affordable(pattern)
        with warnings.catch_warnings(action="ignore"):
            states = _states(parser.parse(pattern))
    except (ValueError, re.error, OverflowError):
        assume(False)
    assert states <= 2 * len(pattern) + COPIES_AT_MOST <= 2 * LENGTH_AT_MOST + COPIES_AT_MOST


class Part(NamedTuple):
    """A part of a pattern, and a matcher that yields where it ends, once for each way to match."""

    text: str
    ends: Callable[[str, int], Iterator[int]]


def _atom(sign: str) -> Part:
    def ends(text: str, at: int) -> Iterator[int]:
        if at < len(text) and sign in (".", text[at]):
            yield at + 1

    return Part(sign, ends)


def _repeated(atom: Part, how: tuple[str, int, int]) -> Part:
    sign, low, high = how

    def ends(text: str, at: int, done: int = 0) -> Iterator[int]:
        if done >= low:
            yield at
        if done < high:
            for end in atom.ends(text, at):
                yield from ends(text, end, done + 1)

    return Part(atom.text + sign, ends)


def _sequence(parts: list[Part]) -> Part:
    def ends(text: str, at: int, done: int = 0) -> Iterator[int]:
        if done == len(parts):
            yield at
            return
        for end in parts[done].ends(text, at):
            yield from ends(text, end, done + 1)

    return Part("".join(part.text for part in parts), ends)


def _choice(parts: list[Part]) -> Part:
    def ends(text: str, at: int) -> Iterator[int]:
        for part in parts:
            yield from part.ends(text, at)

    return Part(f"(?:{'|'.join(part.text for part in parts)})", ends)


def _optional(part: Part) -> Part:
    def ends(text: str, at: int) -> Iterator[int]:
        yield from part.ends(text, at)
        yield at

    return Part(f"{part.text}?", ends)


ATOMS = st.sampled_from("ab.").map(_atom)
HOW = st.sampled_from([("*", 0, 99), ("+", 1, 99), ("?", 0, 1), ("{2}", 2, 2), ("{1,3}", 1, 3), ("{1,}", 1, 99)])
PARTS = st.recursive(
    ATOMS | st.builds(_repeated, ATOMS, HOW),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(_sequence)
        | st.lists(inner, min_size=1, max_size=3).map(_choice)
        | st.lists(inner, min_size=1, max_size=3).map(_choice).map(_optional)
    ),
    max_leaves=4,
)


@given(PARTS, st.text("ab", max_size=6))
def test_a_search_finds_what_a_matcher_that_tries_all_ways_finds(part: Part, text: str):
    tried = any(True for at in range(len(text) + 1) for _ in part.ends(text, at))
    assert is_found(part.text, text) is tried is bool(re.search(part.text, text))


@given(PARTS, st.text("ab", max_size=6))
def test_the_ways_to_match_a_name_are_never_undercounted(part: Part, text: str):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(patterns, "NAME_AT_MOST", 6)
        counted = patterns._ways(part.text)
    assert sum(1 for _ in part.ends(text, 0)) <= counted


@pytest.mark.parametrize(
    ("pattern", "ways"),
    [
        ("a", 1),
        ("a{2}", 1),
        ("a{1,3}", 3),
        ("a*", 257),
        ("a{2,}", 257),
        ("(?:a|b)?", 4),
        ("[*+?]", 1),
        ("a*b{1,2}", 514),
    ],
)
def test_the_ways_multiply(pattern: str, ways: int):
    assert patterns._ways(pattern) == ways


@pytest.mark.parametrize(
    "pattern", ["-run[0-9]+$", "^(tmp|dev)_", "_[a-z]{5}$", r"\d{1,20}_\d{1,20}", "-[0-9a-f]*?$", r"[*+]\d+"]
)
def test_a_pattern_that_leaves_re_few_ways_is_quick(pattern: str):
    assert QUICK.validate_python(pattern) == pattern


@pytest.mark.parametrize(
    "pattern",
    [*("(a+)+b", "(a|aa)+$", "(a|b)*", ".*.*!", r"\d+_\d+$", "a{1,}b{1,}", "a?" * 10, "a{1,20}b{0,9}c{0,9}")],
)
def test_a_pattern_that_leaves_re_many_ways_is_not_quick(pattern: str):
    with pytest.raises(ValidationError, match="may take too long: repeat no group, and at most one"):
        QUICK.validate_python(pattern)


@pytest.mark.parametrize(("pattern", "reason"), [*REFUSED, ("[a&&b]", "is no regular expression: Possible set")])
def test_a_quick_pattern_is_affordable_too(pattern: str, reason: str):
    with pytest.raises(ValidationError, match=re.escape(reason)):
        QUICK.validate_python(pattern)
