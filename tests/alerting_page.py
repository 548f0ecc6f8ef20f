"""What docs/alerting.md says that the code knows: `python -m tests.alerting_page` writes it, a test compares it."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from runwatch.core.alerts.causes import CAUSES
from runwatch.core.alerts.policy import Policy, Settings
from runwatch.core.alerts.rules import RULES, Rule, Subject
from runwatch.core.alerts.tags import READERS
from runwatch.core.durations import short
from tests.builders import GOLDEN

__all__ = ["PAGE", "parts", "written"]

PAGE = Path(__file__).parent.parent / "docs" / "alerting.md"

SETTINGS = {
    Rule.STREAMING_THRASH: (),
    Rule.RUN_STUCK: ("stuck_after",),
    Rule.RUNNING_TOO_LONG: ("max_runtime", "slow_factor", "slow_min_runs", "slow_min"),
    Rule.TIMEOUT_NEAR: ("timeout_share",),
    Rule.OVER_BUDGET: ("max_cost", "max_vcpu_hours", "max_memory_gb_hours"),
    Rule.JOB_ABSENT: (),
}
"""What sets the limits of a rule, among the settings of a job."""
OF_POLICY = {
    Rule.RUN_UNREADABLE: ("unreadable_after",),
    Rule.SOURCE_UNREADABLE: ("unreadable_after",),
    Rule.SOURCE_DENIED: ("denied_after",),
    Rule.SOURCE_THROTTLED: ("throttled_after",),
    Rule.APPLICATION_FAILING: ("grouping.together", "grouping.quiet"),
    Rule.APPLICATION_STUCK: ("grouping.together",),
    Rule.APPLICATION_SLOW: ("grouping.together",),
}
"""The same among those of the policy itself."""
ALL_RUNS = {"severity", "mute", "owner", "runbook"}


def parts() -> dict[str, str]:
    """By the name of the markers that they stand between."""
    return {"rules": _rules(), "classes": _classes(), "examples": _examples()}


def written(page: str) -> str:
    """The page with its parts as they should be."""
    for name, text in parts().items():
        page = re.sub(
            f"(<!-- {name} -->\n).*?(<!-- /{name} -->)",
            lambda found, text=text: f"{found[1]}{text}{found[2]}",
            page,
            flags=re.DOTALL,
        )
    return page


def _rules() -> str:
    lines = ["| rule | about a | severity | fires when | limits | tags | over when |", "| --- " * 7 + "|"]
    for rule, nature in RULES.items():
        cells = (
            f"`{rule}`",
            nature.subject,
            nature.severity,
            nature.meaning,
            ", ".join(_limits(rule)),
            ", ".join(_tags(rule)),
            nature.ends,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _classes() -> str:
    lines = [
        "| class | what to do first |",
        "| --- | --- |",
        *(f"| {cause.name} | {cause.advice} |" for cause in CAUSES),
    ]
    return "\n".join(lines) + "\n"


def _limits(rule: Rule) -> Iterator[str]:
    policy = Policy()
    for name in SETTINGS.get(rule, ()):
        yield from _said(name, getattr(policy.defaults, name))
    for path in OF_POLICY.get(rule, ()):
        value: object = policy
        for name in path.split("."):
            value = getattr(value, name)
        yield from _said(path, value)


def _said(name: str, value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield f"`{name}` {', '.join(f'{key} {short(limit)}' for key, limit in value.items())}"
    else:
        yield f"`{name}` {short(value) if isinstance(value, timedelta) else 'off' if value is None else value}"


def _tags(rule: Rule) -> Iterator[str]:
    mine = set(SETTINGS.get(rule, ()))
    for tag, (setting, _) in READERS.items():
        if setting in mine or (setting in ALL_RUNS and RULES[rule].subject in (Subject.RUN, Subject.JOB)):
            yield f"`{tag.removeprefix('runwatch:')}`"


def _examples() -> str:
    return "\n".join(
        f"### {rule}\n\n```text\n{(GOLDEN / 'alerts' / f'{rule}.txt').read_text().rstrip()}\n```\n" for rule in RULES
    )


if __name__ == "__main__":
    assert {*SETTINGS} <= {*RULES}
    assert {name for names in SETTINGS.values() for name in names} <= {*Settings.model_fields}
    PAGE.write_text(written(PAGE.read_text()))
