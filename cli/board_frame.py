"""The whole page around the board at home: no script, nothing from anywhere else, in the colours that are wished for.

The list of runs loads itself again, unless somebody paused it. What is typed, or asked before something is done, is on
pages that stay.
"""

from collections.abc import Mapping
from html import escape

from cli.board_actions import ACT, CONFIRMATION, LIVE, OFF, SEAL, address, hidden
from runwatch.core.board.look import colours
from runwatch.core.board.surroundings import Theme

__all__ = ["HEADERS", "frame", "live_line", "notice", "question"]

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ICON = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E%3Ccircle cx='4' cy='4' r='3' \
fill='%230972d3'/%3E%3C/svg%3E"
SCHEMES = {Theme.LIGHT: "light", Theme.DARK: "dark", Theme.AUTO: "light dark"}
STYLE = """\
body{margin:0;padding:12px 8px 32px;background:var(--rw-page);color:var(--rw-text);\
font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}
.home-line{display:flex;gap:1em;align-items:baseline;margin:0 12px 4px;color:var(--rw-quiet)}
.home-line b{color:var(--rw-text)}
.home-line a,.home-box a{color:var(--rw-link)}
.home-box{max-width:44em;margin:10vh auto;padding:8px 24px 20px;border:1px solid var(--rw-line);border-radius:8px}
.home-box h1{font-size:1.2em}
.home-box button{font:inherit;padding:4px 20px;margin-right:1em;border:1px solid var(--rw-link);border-radius:16px;\
background:var(--rw-link);color:var(--rw-page);cursor:pointer}
"""


def frame(body: str, *, title: str, theme: Theme, again: int | None = None, at: str = "") -> str:
    """A page. `again`: after how many seconds it loads itself anew, `at` another address if told so; None: not at all.

    `body` is HTML, and `at` an address as it stands in an attribute.
    """
    reload = f'<meta http-equiv="refresh" content="{again}{at and ";url="}{at}">' if again else ""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="{SCHEMES[theme]}">'
        f'{reload}<link rel="icon" href="{ICON}"><style>{colours(":root", theme)}\n{STYLE}</style></head>\n'
        f"<body>{body}</body></html>\n"
    )


def live_line(here: Mapping[str, str], again: int | None, *, can_be_live: bool) -> str:
    """Says whether the page loads itself anew, with a link that changes that, or else one that loads it."""
    there = {name: value for name, value in here.items() if name != LIVE}
    if again:
        said, link = f"live, every {again} s", f'<a href="{address("/", there | {LIVE: OFF})}">pause</a>'
    else:
        label = "go live" if can_be_live else "load it again"
        said, link = "as it was when the page was loaded", f'<a href="{address("/", there)}">{label}</a>'
    return f'<div class="home-line"><b>Runwatch</b><span>{said}</span>{link}</div>'


def question(asked: Mapping[str, str]) -> str:
    """The page that asks before something is done. `asked` is sealed."""
    back = {name: value for name, value in asked.items() if name not in (SEAL, CONFIRMATION, "action")}
    return (
        f'<div class="home-box"><h1>Are you sure?</h1><p>{escape(asked.get(CONFIRMATION, ""))}</p>'
        f'<form method="post" action="{ACT}">{hidden(asked)}<button>Yes, do it</button>'
        f'<a href="{address("/", back)}">No, go back</a></form></div>'
    )


def notice(what: str, why: str) -> str:
    """A page that says what is amiss."""
    return f'<div class="home-box"><h1>{escape(what)}</h1><p>{escape(why)}</p><p><a href="/">To the board</a></p></div>'
