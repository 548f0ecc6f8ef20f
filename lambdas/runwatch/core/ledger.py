"""An entry of a run's ledger: a numbered message, stored with the change it tells of, and sent word for word."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from runwatch.core.ids import LedgerId, RunId
from runwatch.core.messages import Kind, RunFacts, attributes_of, body_of, message_of

__all__ = ["Entry"]


@dataclass(frozen=True)
class Entry:
    ledger: LedgerId
    sequence: int
    kind: Kind
    recorded_at: datetime
    message_id: str
    body: str
    """The message as JSON text: rendered once, so that every repeat is the same to the letter."""
    attributes: Mapping[str, str | list[str]]

    @classmethod
    def telling(cls, detail: RunFacts) -> Self:
        message = message_of(detail)
        return cls(
            ledger=RunId.parse(detail.arn),
            sequence=detail.sequence,
            kind=message.kind,
            recorded_at=detail.observed_at,
            message_id=message.id,
            body=body_of(message),
            attributes=attributes_of(message),
        )
