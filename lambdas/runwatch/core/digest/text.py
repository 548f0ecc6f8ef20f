"""The digest as an e-mail that reads well on a telephone: lines of at most 100 characters, none begun by a stranger."""

import textwrap
from collections.abc import Iterator

from runwatch.core.alerts.plain import fitted
from runwatch.core.digest.digest import Digest
from runwatch.core.digest.story import Block, blocks_of, headline_of

__all__ = ["text_of"]

WIDTH = 100


def text_of(digest: Digest) -> str:
    return "\n".join([headline_of(digest), *(line for block in blocks_of(digest) for line in _lines(block))]) + "\n"


def _lines(block: Block) -> Iterator[str]:
    yield from ("", block.title)
    for line in block.lines[: block.at_most]:
        if block.is_table:
            yield fitted(line, WIDTH)
        else:
            yield from textwrap.wrap(f"- {line}", WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    if len(block.lines) > block.at_most:
        yield f"and {len(block.lines) - block.at_most:,} more"
