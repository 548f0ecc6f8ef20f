"""Where the board meets AWS: the table, and the queue of the inbox. It knows no other client."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache

from runwatch.adapters.books import DynamoBooks
from runwatch.adapters.inbox_queue import InboxQueue
from runwatch.adapters.session import session_of
from runwatch.adapters.table import DynamoStore
from runwatch.board import Board
from runwatch.errors import StoreUnavailable
from runwatch.settings import BoardSettings
from runwatch.wiring import BRISK, logger

__all__ = ["build_board", "wired_board"]


def build_board(environment: Mapping[str, str]) -> Board:
    """Raises BadSettings."""
    settings, session = BoardSettings.of(environment), session_of()
    dynamodb = session.client("dynamodb", config=BRISK)

    def clock() -> datetime:
        return datetime.now(UTC)

    def failed(error: StoreUnavailable) -> None:
        logger.error("page not made", cause=str(error))

    return Board(
        store=DynamoStore(dynamodb, settings.runs_table, settings.retention),
        books=DynamoBooks(dynamodb, settings.runs_table, settings.retention),
        sources=settings.sources,
        clock=clock,
        look_now=InboxQueue(session.client("sqs", config=BRISK), settings.inbox_queue_url).look_now,
        failed=failed,
    )


@cache
def wired_board() -> Board:
    """The container's own, made at its first event."""
    return build_board(os.environ)
