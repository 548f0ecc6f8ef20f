"""Lists in pages, newest first, with tokens that carry all there is to know, so that nothing is kept per reader.

A token says after which row to go on, for which request it was made and when. So rows that arrive between two pages
neither repeat nor hide others; and a token that is old, damaged or used with other filters is refused.
"""

import base64
import json
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from simulator.errors import ApiError

MOST = 50

T = TypeVar("T")
Key = tuple[int, int]


class Page(NamedTuple):
    rows: list[Any]
    next_token: str | None


def cut(operation: str, params: Mapping[str, Any], rows: Mapping[Key, T], now: datetime, lifetime: float) -> Page:
    """The page that `params` ask for; `rows` by keys that grow with age order, the newest having the largest."""
    question = _question(operation, params)
    token = params.get("nextToken")
    last = _read(token, question, now, lifetime) if token else None
    keys = sorted((key for key in rows if last is None or key < last), reverse=True)
    size = params.get("maxResults", MOST)
    more = len(keys) > size
    return Page(
        rows=[rows[key] for key in keys[:size]],
        next_token=_write(keys[size - 1], question, now) if more else None,
    )


def _question(operation: str, params: Mapping[str, Any]) -> int:
    asked = {name: value for name, value in params.items() if name not in ("nextToken", "maxResults")}
    return zlib.crc32(json.dumps([operation, asked], sort_keys=True, default=str).encode())


def _write(last: Key, question: int, now: datetime) -> str:
    return base64.urlsafe_b64encode(json.dumps([*last, question, now.timestamp()]).encode()).decode()


def _read(token: str, question: int, now: datetime, lifetime: float) -> Key:
    refused = ApiError("ValidationException", "The pagination token is invalid or has expired")
    try:
        moment, order, asked, made_at = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError) as error:
        raise refused from error
    if asked != question or now.timestamp() > made_at + lifetime:
        raise refused
    return moment, order
