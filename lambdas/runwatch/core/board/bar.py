"""How long a run has been running, beside what is usual of its job, as a bar in a cell of the table."""

from datetime import timedelta

from runwatch.core.board.markup import text
from runwatch.core.board.rows import Row
from runwatch.core.durations import written

__all__ = ["bar"]

WIDTH, HEIGHT = 100, 14


def bar(row: Row) -> str:
    """SVG; empty where nothing is known to compare with."""
    normal, ran = row.normal, row.ran
    if normal is None or ran is None or row.share is None:
        return ""
    p95, limit = timedelta(seconds=normal.p95_seconds), row.limit
    whole = max(ran, p95 * 1.25, limit * 1.1 if limit else timedelta(), timedelta(seconds=1))

    def at(time: timedelta) -> float:
        return round(WIDTH * (time / whole), 1)

    fine = min(ran, limit) if limit else ran
    parts = [f'<rect class="rw-room" x="0" y="4" width="{WIDTH}" height="6" rx="1"/>']
    parts.append(f'<rect class="rw-ran" x="0" y="4" width="{at(fine)}" height="6" rx="1"/>')
    if ran > fine:
        parts.append(f'<rect class="rw-beyond" x="{at(fine)}" y="4" width="{at(ran - fine)}" height="6"/>')
    usual = timedelta(seconds=normal.median_seconds)
    parts += [
        f'<rect class="rw-tick" x="{min(at(each), WIDTH - 1)}" y="1" width="1" height="12"/>' for each in (usual, p95)
    ]
    return (
        f'<svg class="rw-bar" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img">'
        f"<title>{text(_said(row, ran, limit))}</title>{''.join(parts)}</svg>"
    )


def _said(row: Row, ran: timedelta, limit: timedelta | None) -> str:
    normal = row.normal
    if normal is None:
        return ""
    usual, p95 = (written(timedelta(seconds=each)) for each in (normal.median_seconds, normal.p95_seconds))
    runs = "1 run" if normal.runs == 1 else f"{normal.runs} runs"
    runs_for = f"{'running' if row.record.watched else 'ran'} for {written(ran)}"
    slow = f"; too long from {written(limit)} on" if limit else ""
    return f"{runs_for}; usually {usual}, at most {p95} (95 %), of {runs}{slow}"
