"""Whatever somebody may send to the board: known parameters and others, with good values and others."""

from hypothesis import strategies as st

from tests.board_story import STORY
from tests.builders import RUN

__all__ = ["ANYTHING", "HOSTILE", "HOSTILE_NAMES", "JSON"]

HOSTILE_NAMES = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><svg onload=alert(1)>",
    "</title></svg><script>",
    "</cwdb-action><b>",
    "<!-- ",
    "]]><![CDATA[",
    "&lt;b&gt; &amp; &#x3c;",
    "javascript:alert(1)",
    "\N{RIGHT-TO-LEFT OVERRIDE}evil\N{POP DIRECTIONAL FORMATTING}",
    "\u05d0\u05d1\u05d2 daily",
    "a\x00b\x1b[31m\r\n\tc",
    "half \ud83d of a pair",
    "\ufffe\uffff\U000e0001",
    "{{7*7}} ${7*7} {0} %s",
    "\\u003c\\x3c`",
    "W" * 300,
    "\N{PILE OF POO}" * 150,
    "*",
    "   ",
)
"""Names that strangers may give to a job."""
LETTERS = st.characters(exclude_categories=())
HOSTILE = st.one_of(st.sampled_from(HOSTILE_NAMES), st.text(LETTERS, max_size=40))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | HOSTILE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(HOSTILE, inner, max_size=3),
    max_leaves=8,
)
GOOD = st.sampled_from(
    [
        *(
            "runs",
            "run",
            RUN.arn,
            STORY.arn,
            "silence",
            "look",
            "2h",
            "1d",
            "off",
            "run-*",
            "*",
            "daily*",
            "RUNNING",
            "?",
        ),
        *("state", "job", "for", "attempt", "normal", "cost", "attention", "asc", "desc", "1", "2", "10000", ""),
    ]
)
NAMES = st.sampled_from(
    [
        *("view", "run", "action", "for", "rule", "source", "application", "state", "name", "sort", "order"),
        *("left", "page"),
    ]
)
ANYTHING = st.dictionaries(NAMES | HOSTILE, GOOD | JSON, max_size=8)
"""Parameters."""
