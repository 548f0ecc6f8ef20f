"""Where the page is shown: in which colours, in whose time, and how what can be clicked is written there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from enum import StrEnum
from typing import Protocol

__all__ = ["Actions", "Surroundings", "Theme"]


class Theme(StrEnum):
    LIGHT = "light"
    DARK = "dark"
    AUTO = "auto"
    """As the browser is told by its owner."""


class Actions(Protocol):
    """How what can be clicked is written. `label` and `fields` are HTML already; `asked` is plain text."""

    def link(self, label: str, asked: Mapping[str, str]) -> str:
        """HTML of a link that shows another view of the page: the one that is asked for."""
        ...

    def ask(self, label: str, asked: Mapping[str, str], confirmation: str) -> str:
        """HTML of a button that does what is asked, after a confirmation, which is plain text."""
        ...

    def form(self, fields: str, label: str, asked: Mapping[str, str]) -> str:
        """HTML of input fields with a button: what is typed comes with the rest of what is asked, by the names."""
        ...


@dataclass(frozen=True)
class Surroundings:
    theme: Theme
    actions: Actions
    timezone: tzinfo = UTC
    """In which times of day are written."""
