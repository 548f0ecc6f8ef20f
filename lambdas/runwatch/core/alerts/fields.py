"""Single values as people write them in a policy: numbers with their bounds, lines of text, and `"off"`."""

from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field

from runwatch.core.alerts.faults import shown
from runwatch.core.alerts.rules import Severity
from runwatch.core.durations import Span, parse

__all__ = [
    "OFF",
    "ONE_LINE",
    "AmountOrOff",
    "FactorOrOff",
    "Flag",
    "Price",
    "SeverityOrOff",
    "Share",
    "SpanOrOff",
    "Words",
    "span_or_off",
]

OFF: Final = "off"
"""The word that takes a limit away, or a rule. It is read as None."""


def _or_off(value: object) -> object:
    if isinstance(value, str) and value != OFF:
        raise ValueError(f'{shown(value)} is no number; write one, or "{OFF}"')
    return None if value == OFF else value


def span_or_off(value: object) -> object:
    """What is neither text is left to whoever reads it next; raises ValueError."""
    try:
        return parse(value) if isinstance(value, str) and value != OFF else _or_off(value)
    except ValueError as error:
        raise ValueError(f'{error}, or "{OFF}"') from error


def _severity_or_off(value: object) -> object:
    if value is None or value == OFF:
        return None
    if not isinstance(value, str) or value not in set(Severity):
        raise ValueError(f'{shown(value)} is none of {", ".join(Severity)}, and not "{OFF}"')
    return value


def _one_line(text: str) -> str:
    if not (text := text.strip()):
        raise ValueError("must not be empty")
    if not text.isprintable():
        raise ValueError(f"{shown(text)} has characters that cannot be printed; write one line of plain text")
    return text


ONE_LINE = AfterValidator(_one_line)
"""For a text in one line, which has no blanks around it then."""
Words = Annotated[str, Field(max_length=300), ONE_LINE]

Flag = Annotated[bool, Field(strict=True)]
Share = Annotated[float, Field(strict=True, gt=0, le=1, allow_inf_nan=False)]
Price = Annotated[float, Field(strict=True, ge=0, le=1e6, allow_inf_nan=False)]
_Amount = Annotated[float, Field(strict=True, gt=0, le=1e9, allow_inf_nan=False)]
_Factor = Annotated[float, Field(strict=True, ge=1, le=1000, allow_inf_nan=False)]
AmountOrOff = Annotated[_Amount | None, BeforeValidator(_or_off)]
FactorOrOff = Annotated[_Factor | None, BeforeValidator(_or_off)]
SpanOrOff = Annotated[Span | None, BeforeValidator(span_or_off)]
SeverityOrOff = Annotated[Severity | None, BeforeValidator(_severity_or_off)]
