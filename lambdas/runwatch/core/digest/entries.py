"""The digest as it is owed: one entry for each audience, in a thread of the period's own, numbered one."""

from runwatch.core.digest.chat import notification_of
from runwatch.core.digest.digest import Digest
from runwatch.core.digest.document import document_of
from runwatch.core.digest.message import attributes_of_digest
from runwatch.core.digest.text import text_of
from runwatch.core.ids import Audience
from runwatch.core.ledger import Entry
from runwatch.core.messages import Kind, as_json

__all__ = ["entries_of"]


def entries_of(digest: Digest, *, has_chat: bool) -> list[Entry]:
    document = document_of(digest)
    bodies = {Audience.PROGRAMS: as_json(document), Audience.PEOPLE: text_of(digest)}
    if has_chat:
        bodies[Audience.CHAT] = notification_of(digest)
    return [
        Entry(
            ledger=digest.thread(audience),
            sequence=1,
            kind=Kind.DIGEST,
            recorded_at=digest.made_at,
            message_id=digest.message_id(audience),
            body=body,
            attributes=attributes_of_digest(document),
        )
        for audience, body in bodies.items()
    ]
