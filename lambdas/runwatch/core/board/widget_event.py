"""What CloudWatch sends to a custom widget, and what is made of it: parameters of the page, and its surroundings.

    {"view": …, "widgetContext": {"params": {…}, "forms": {"all": {…}}, "theme": "dark", "timezone": {…}, …}}

| what came                       | what is asked                                                                     |
| ------------------------------- | --------------------------------------------------------------------------------- |
| the widget is shown, or again   | the widget's own parameters, and, once somebody typed something, what was typed   |
| `{"asked": {…}}`: a click       | that, and nothing else                                                            |
| `{"form": {…}}`: a form's button| that, and what was typed                                                          |

What is to be done is only taken from a click: else a dashboard would do it each time that it is shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta, timezone, tzinfo
from typing import Any

from runwatch.core.board.asked import Act
from runwatch.core.board.surroundings import Theme

__all__ = ["DOCUMENTATION", "WidgetEvent"]

DOCUMENTATION = f"""\
## Job runs

The EMR Serverless job runs that Runwatch watches, and those that it lately did: state, since when, attempt, how long
against what is normal for the job, cost so far, open alerts. A click on a job shows the run's timeline.

### Widget parameters

Param | Description
---|---
**application** | Only runs of this application: its id, or a pattern of its name, with `*` and `?`
**name** | Only runs of jobs that are named so; a pattern
**state** | Only runs in this state, such as `RUNNING`; a pattern
**source** | Only runs of this account and Region, such as `*/eu-west-1`
**rule** | Only runs with an open alert of this rule, such as `run-failed`
**sort** | `attention` (the default), `state`, `job`, `for`, `attempt`, `normal` or `cost`
**order** | `asc` or `desc`
**left** | For how long a run stays on the page that is no longer watched: `1h` (the default), at most `1d`, or `off`
**view**, **run** | `run`, and the ARN of a run: its timeline

Looking at a run now, and silencing a job's alerts ({", ".join(Act)}), are done by a click, after a confirmation.

### Example parameters

``` yaml
application: analytics
name: daily-*
sort: cost
```
"""
FARTHEST = timedelta(hours=14)
"""No clock on Earth is further from UTC."""


@dataclass(frozen=True)
class WidgetEvent:
    asked: Mapping[str, object]
    theme: Theme
    timezone: tzinfo
    is_describing: bool = False

    @classmethod
    def of(cls, event: object) -> "WidgetEvent":
        """Of whatever the function was called with."""
        said = event if isinstance(event, Mapping) else {"event": event}
        context = _mapping(said.get("widgetContext"))
        typed = _mapping(_mapping(context.get("forms")).get("all"))
        if "asked" in said:
            asked = _mapping(said["asked"])
        elif "form" in said:
            asked = {**_mapping(said["form"]), **typed}
        else:
            own = {name: value for name, value in said.items() if name not in ("widgetContext", "describe")}
            shown = {**_mapping(context.get("params")), **own, **typed}
            asked = {name: value for name, value in shown.items() if name != "action"}
        theme = Theme.DARK if context.get("theme") == Theme.DARK else Theme.LIGHT
        return cls(asked, theme, _zone(context.get("timezone")), is_describing=said.get("describe") is True)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _zone(told: object) -> tzinfo:
    """UTC where it is not told, or no such clock exists."""
    minutes = _mapping(told).get("offsetInMinutes")
    if isinstance(minutes, bool) or not isinstance(minutes, int):
        minutes = 0
    offset = timedelta(minutes=min(max(minutes, -10_000), 10_000))
    return timezone(min(max(offset, -FARTHEST), FARTHEST))
