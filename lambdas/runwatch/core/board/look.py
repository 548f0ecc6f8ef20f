"""Colours and sizes of the board: those of CloudWatch's console, light and dark. One style sheet, every class `rw-…`.

Each text has a contrast of at least 4.5 to 1 with what is behind it (WCAG 2.2, AA); no colour says what no word does.
"""

from runwatch.core.board.surroundings import Theme
from runwatch.core.states import State

__all__ = ["STATES", "colours", "state_class", "style"]

STATES = {
    State.SUBMITTED: ("#5f6b7a", "#8d99a8"),
    State.QUEUED: ("#7a6845", "#b8a47e"),
    State.PENDING: ("#8a6d00", "#f2cd54"),
    State.SCHEDULED: ("#1f7380", "#4cc3d3"),
    State.RUNNING: ("#0972d3", "#539fe5"),
    State.SUCCESS: ("#037f0c", "#29ad32"),
    State.FAILED: ("#d91515", "#ff5d64"),
    State.CANCELLING: ("#b84a00", "#ff9a55"),
    State.CANCELLED: ("#4f4a45", "#b3aba3"),
}
"""By state: its colour where the page is light, and where it is dark."""
UNKNOWN = ("#8456ce", "#b088f5")
COLOURS = {
    "page": ("#ffffff", "#161d26"),
    "raised": ("#f4f6f8", "#1f2833"),
    "text": ("#16191f", "#e3e7ec"),
    "quiet": ("#545b64", "#a4b1c0"),
    "line": ("#d5dbdb", "#36424f"),
    "edge": ("#7d8998", "#7b8a9b"),
    "link": ("#0063b5", "#6bb1ef"),
    "critical": ("#b30f0f", "#ff8087"),
    "warning": ("#8a4b00", "#f5b35c"),
    "info": ("#0b5c9e", "#7cc0f5"),
    "good": ("#03660b", "#5fcf67"),
    "critical-bar": ("#d91515", "#ff5d64"),
    "warning-bar": ("#d97b0a", "#f5a33c"),
    "info-bar": ("#539fe5", "#539fe5"),
}


def state_class(state: str | None) -> str:
    """A state that we do not know has a colour of its own."""
    return f"rw-s-{state.lower()}" if state in STATES else "rw-s-other"


def colours(place: str, theme: Theme) -> str:
    """CSS that gives each colour its name below this place: `--rw-text`, `--rw-s-running`."""
    light, dark = _named(0), _named(1)
    match theme:
        case Theme.LIGHT:
            return f"{place}{{color-scheme:light;{light}}}"
        case Theme.DARK:
            return f"{place}{{color-scheme:dark;{dark}}}"
    return f"{place}{{color-scheme:light dark;{light}}}@media (prefers-color-scheme:dark){{{place}{{{dark}}}}}"


def _named(which: int) -> str:
    of_states = {f"s-{state.lower()}": pair for state, pair in STATES.items()} | {"s-other": UNKNOWN}
    return "".join(f"--rw-{name}:{pair[which]};" for name, pair in (COLOURS | of_states).items())


def style(theme: Theme) -> str:
    """The style sheet of the page."""
    dots = "".join(
        f".rw-board .{each}{{background:var(--{each})}}" for each in (*map(state_class, STATES), state_class(None))
    )
    return f"<style>{colours('.rw-board', theme)}{dots}{SHEET}</style>"


SHEET = "".join(
    line.strip()
    for line in """
.rw-board{font:13px/1.45 "Amazon Ember","Helvetica Neue",Roboto,Arial,sans-serif;color:var(--rw-text);
  background:var(--rw-page);padding:8px 12px;box-sizing:border-box;max-width:100%;overflow-wrap:anywhere;
  container-type:inline-size}
.rw-board *,.rw-board *::before{box-sizing:border-box}
.rw-board h2{font-size:18px;font-weight:600;line-height:1.3;margin:8px 0}
.rw-board h3{font-size:14px;font-weight:600;margin:18px 0 6px}
.rw-board p,.rw-board ul,.rw-board dl{margin:6px 0;padding:0}
.rw-board li{list-style:none}
.rw-board code{font:12px/1.4 Menlo,Consolas,monospace;color:inherit;background:none;padding:0}
.rw-board a,.rw-board .rw-link{color:var(--rw-link);text-decoration:none;cursor:pointer}
.rw-board a:hover,.rw-board .rw-link:hover{text-decoration:underline}
.rw-board .rw-do,.rw-board button{display:inline-block;font:inherit;font-size:12px;color:var(--rw-link);
  background:none;border:1px solid var(--rw-edge);border-radius:10px;padding:0 8px;margin:1px 4px 1px 0;
  cursor:pointer}
.rw-board .rw-do:hover,.rw-board button:hover{background:var(--rw-raised);text-decoration:none}
.rw-board cwdb-action{display:none}
.rw-quiet{color:var(--rw-quiet)}
.rw-small{display:block;font-size:12px;color:var(--rw-quiet)}
.rw-dot{display:inline-block;width:9px;height:9px;border-radius:50%;margin-right:6px}
.rw-notices{border-left:3px solid var(--rw-info-bar)}
.rw-notices li{padding:3px 10px;background:var(--rw-raised)}
.rw-notices .rw-wrong{color:var(--rw-critical)}
.rw-notices .rw-done{color:var(--rw-good)}
.rw-top{display:flex;flex-wrap:wrap;gap:4px 14px;align-items:baseline}
.rw-top .rw-on{font-weight:600;border-bottom:2px solid var(--rw-link)}
.rw-filter{display:flex;flex-wrap:wrap;gap:6px 10px;align-items:end;margin:8px 0}
.rw-filter form,.rw-form{display:flex;flex-wrap:wrap;gap:6px 10px;align-items:end;margin:0}
.rw-filter label{display:flex;flex-direction:column;font-size:12px;color:var(--rw-quiet)}
.rw-filter input,.rw-filter select{font:inherit;font-size:13px;color:var(--rw-text);background:var(--rw-page);
  border:1px solid var(--rw-edge);border-radius:3px;padding:2px 6px;width:150px;margin:0}
.rw-table{width:100%;table-layout:fixed;border-collapse:collapse;font-size:13px;background:none;border:0;
  margin:4px 0}
.rw-table th{font-weight:600;font-size:12px;text-align:left;color:var(--rw-quiet);background:none;border:0;
  border-bottom:1px solid var(--rw-edge);padding:4px 6px;vertical-align:bottom}
.rw-table td{border:0;border-bottom:1px solid var(--rw-line);padding:4px 6px;vertical-align:top;background:none;
  color:var(--rw-text)}
.rw-table tr:hover td{background:var(--rw-raised)}
.rw-table .rw-n{text-align:right;font-variant-numeric:tabular-nums}
.rw-bar{display:block;width:100%;height:14px;margin-top:2px}
.rw-room{fill:var(--rw-line)}.rw-ran{fill:var(--rw-s-running)}.rw-beyond{fill:var(--rw-s-failed)}.rw-tick{fill:var(--rw-text)}
.rw-table .rw-alerts{margin:0}
.rw-board input::placeholder{color:var(--rw-quiet);opacity:1}
.rw-critical,.rw-warning,.rw-info{font-weight:600}
.rw-critical{color:var(--rw-critical)}.rw-warning{color:var(--rw-warning)}.rw-info{color:var(--rw-info)}
.rw-muted{font-weight:400;color:var(--rw-quiet)}
.rw-facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(320px,1fr));gap:2px 24px}
.rw-facts div{display:flex;gap:8px}
.rw-facts dt{flex:none;width:86px;color:var(--rw-quiet)}
.rw-facts dd{margin:0;min-width:0}
.rw-drawing{margin:10px 0;padding:4px 0;border-top:1px solid var(--rw-line);
  border-bottom:1px solid var(--rw-line)}
@container (max-width:700px){.rw-table{font-size:12px}.rw-table th,.rw-table td{padding:3px}.rw-dot{width:7px;
  height:7px;margin-right:3px}}
""".strip().splitlines()
)
