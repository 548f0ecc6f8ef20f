"""What stands around every view: the colours, what was done, and what is wrong with what was asked."""

from collections.abc import Iterable, Sequence

from runwatch.core.board.look import style
from runwatch.core.board.markup import text
from runwatch.core.board.surroundings import Surroundings

__all__ = ["framed", "notices", "unavailable"]

LONGEST = 600


def framed(view: str, around: Surroundings) -> str:
    """The page's HTML: a fragment, for whoever puts it somewhere."""
    return f'<div class="rw-board rw-{around.theme} cwdb-no-default-styles">{style(around.theme)}{view}</div>'


def notices(done: Iterable[str], wrong: Sequence[str]) -> str:
    """Sentences, which are plain text; nothing where there are none."""
    lines = [f'<li class="rw-done">{text(said, LONGEST)}</li>' for said in done]
    lines += [f'<li class="rw-wrong">{text(said, LONGEST)}</li>' for said in wrong]
    return f'<ul class="rw-notices" role="status">{"".join(lines)}</ul>' if lines else ""


def unavailable(what: str, cause: str) -> str:
    """Instead of a view, where nothing can be read."""
    return (
        f"<h2>{text(what)}</h2><p>The poller goes on by itself; only this page knows nothing now. Try again.</p>"
        f"<p><code>{text(cause, LONGEST)}</code></p>"
    )
