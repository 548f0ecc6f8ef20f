"""The digest in chat: a custom notification of Amazon Q Developer, within the limits that `core/alerts/chat` has.

The same blocks as for people, each with fewer lines, and without the table, which a chat would not align.
"""

import json

from runwatch.core.alerts.chat import DESCRIPTION, escaped
from runwatch.core.alerts.plain import units
from runwatch.core.digest.digest import Digest
from runwatch.core.digest.story import Block, blocks_of, headline_of
from runwatch.core.ids import Audience

__all__ = ["notification_of"]

AT_MOST = 5
"""Lines of a block."""


def notification_of(digest: Digest) -> str:
    """The JSON text."""
    headline = escaped(headline_of(digest))
    lines = [line for block in blocks_of(digest) if not block.is_table for line in _lines(block)]
    notification = {
        "version": "1.0",
        "source": "custom",
        "id": digest.message_id(Audience.CHAT),
        "content": {
            "textType": "client-markdown",
            "title": headline,
            "description": _fitting(lines) or headline,
            "keywords": ["digest", str(digest.source)],
        },
        "metadata": {
            "threadId": f"{digest.period.id}-{digest.source.account}-{digest.source.region}",
            "summary": headline,
            "enableCustomActions": False,
            "eventType": "EMR Serverless Job Run Digest",
            "relatedResources": [],
            "additionalContext": {"account": digest.source.account, "region": digest.source.region},
        },
    }
    return json.dumps(notification)


def _lines(block: Block) -> list[str]:
    at_most = min(AT_MOST, block.at_most)
    more = len(block.lines) - at_most
    return [
        f"*{block.title}*",
        *(f"• {escaped(line)}" for line in block.lines[:at_most]),
        *([f"and {more:,} more"] if more > 0 else []),
    ]


def _fitting(lines: list[str]) -> str:
    """As many as there is room for."""
    room, kept = DESCRIPTION, list[str]()
    for line in lines:
        room -= units(line) + len("\n")
        if room < 0:
            break
        kept.append(line)
    return "\n".join(kept)
