"""boto3's session, as all clients of the functions are made from: it parses times quickly.

botocore lets dateutil look up the time zone of this machine for each time in a reply, of which a page of ListJobRuns
has two hundred: more than half of what a listed run costs.
"""

from datetime import UTC, datetime
from typing import Any

import boto3
import botocore.session
from botocore.utils import parse_timestamp

__all__ = ["session_of"]


def session_of(session: botocore.session.Session | None = None) -> boto3.Session:
    """Made of botocore's, or of a new one."""
    made = botocore.session.get_session() if session is None else session
    made.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=moment)
    return boto3.Session(botocore_session=made)


def moment(value: Any) -> datetime:  # noqa: ANN401 - whatever a reply has there
    """An aware time; seconds since 1970 are UTC. Raises ValueError for what is none."""
    if isinstance(value, int | float):
        try:
            return datetime.fromtimestamp(value, UTC)
        except (OverflowError, OSError) as error:
            raise ValueError(f"no time: {value}") from error
    return parse_timestamp(value)
