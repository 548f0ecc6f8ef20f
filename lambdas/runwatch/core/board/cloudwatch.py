"""How the page is clicked on a CloudWatch dashboard: a `cwdb-action` says what the element right before it does.

CloudWatch user guide, "Interactivity in the custom widget": a script is not allowed.
What is clicked comes as `{"asked": {…}}`: the whole of what is asked, so that nothing of the widget's own parameters
mixes into it. Of a form it comes as `{"form": {…}}`, and what was typed in `widgetContext.forms.all`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

__all__ = ["CloudWatchActions"]

NOT_IN_HTML = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&"}


@dataclass(frozen=True)
class CloudWatchActions:
    endpoint_arn: str
    """Of the function that makes the page."""

    def link(self, label: str, asked: Mapping[str, str]) -> str:
        return f'<a class="rw-link">{label}</a>{self._action({"asked": dict(asked)})}'

    def ask(self, label: str, asked: Mapping[str, str], confirmation: str) -> str:
        return f'<a class="btn rw-do">{label}</a>{self._action({"asked": dict(asked)}, confirmation)}'

    def form(self, fields: str, label: str, asked: Mapping[str, str]) -> str:
        button = f'<a class="btn rw-do">{label}</a>{self._action({"form": dict(asked)})}'
        return f'<form class="rw-form">{fields}</form>{button}'

    def _action(self, said: Mapping[str, object], confirmation: str = "") -> str:
        asking = f' confirmation="{escape(confirmation)}"' if confirmation else ""
        content = json.dumps(said, separators=(",", ":")).translate(NOT_IN_HTML)
        endpoint = f'endpoint="{escape(self.endpoint_arn)}"'
        return f'<cwdb-action action="call" display="widget" {endpoint}{asking}>{content}</cwdb-action>'
