"""How the board is clicked in a browser at home: without a script, and nothing is done before somebody said yes.

A link shows. What does something leads to a page that asks first, and is sealed: the address says what is to be done
and what is asked, and only we can have written it. So no page from elsewhere makes somebody do what they do not mean.
"""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode

from runwatch.core.alerts.plain import plain

__all__ = ["ACT", "CONFIRMATION", "LIVE", "OFF", "SEAL", "SURE", "HomeActions", "address", "hidden", "is_sealed"]

SURE, ACT = "/sure", "/act"
"""Where it is asked first, and where it is done."""
LIVE, OFF = "live", "off"
"""The parameter, and its value, of a page that does not load itself again."""
SEAL, CONFIRMATION = "seal", "confirmation"
LONGEST = 1000
FORM = "Filter…"
"""What leads to the page with the form."""


@dataclass(frozen=True)
class HomeActions:
    key: str
    """Secret; what the seals are made with."""
    here: Mapping[str, str]
    """What was asked for to see this page, whether it is paused included."""
    is_live: bool
    """Whether the page loads itself again: what somebody types there would be lost."""

    def link(self, label: str, asked: Mapping[str, str]) -> str:
        paused = {LIVE: OFF} if self.here.get(LIVE) == OFF else {}
        return f'<a href="{address("/", {**asked, **paused})}">{label}</a>'

    def ask(self, label: str, asked: Mapping[str, str], confirmation: str) -> str:
        sealed = _sealed(self.key, {**asked, CONFIRMATION: plain(confirmation, LONGEST)})
        return f'<a class="rw-do" href="{address(SURE, sealed)}">{label}</a>'

    def form(self, fields: str, label: str, asked: Mapping[str, str]) -> str:
        if self.is_live:
            return f'<a class="rw-do" href="{address("/", {**self.here, LIVE: OFF})}">{FORM}</a>'
        return f'<form method="get" action="/">{hidden(asked)}{fields} <button>{label}</button></form>'


def hidden(values: Mapping[str, str]) -> str:
    """HTML of fields that nobody sees."""
    return "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in values.items()
    )


def is_sealed(key: str, asked: Mapping[str, str]) -> bool:
    """Whether we have written this, all of it."""
    unsealed = {name: value for name, value in asked.items() if name != SEAL}
    return hmac.compare_digest(_sealed(key, unsealed)[SEAL].encode(), asked.get(SEAL, "").encode())


def _sealed(key: str, asked: Mapping[str, str]) -> dict[str, str]:
    seal = hmac.new(key.encode(), _query(sorted(asked.items())).encode(), "sha256").hexdigest()
    return {**asked, SEAL: seal}


def address(path: str, asked: Mapping[str, str]) -> str:
    """As it stands in an attribute."""
    return escape(f"{path}?{_query(asked.items())}" if asked else path)


def _query(asked: Iterable[tuple[str, str]]) -> str:
    """Half a surrogate pair, which has no place in an address, becomes a question mark."""
    return urlencode(list(asked), errors="replace")
