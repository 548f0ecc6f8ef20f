"""examples/airflow_callback.py, called with as much of Airflow's context as it asks for."""

import ast
import inspect
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from examples import airflow_callback
from examples.airflow_callback import track_run
from runwatch.core.ids import RunId
from tests.builders import SOURCE
from tests.examples.clients import Inbox


@dataclass
class TaskInstance:
    """As in Airflow: an operator's return value is in the XCom of its task and map index."""

    map_index: int = -1
    dag_id: str = "daily"
    task_id: str = "gold"
    run_id: str = "scheduled__2026-01-31T02:00:00+00:00"
    xcoms: dict[tuple[str, int, str], str] = field(default_factory=dict)

    def xcom_pull(
        self,
        task_ids: str | None = None,
        dag_id: str | None = None,
        key: str = "return_value",
        *,
        map_indexes: int | None = None,
    ) -> object:
        assert dag_id is None
        found = [
            value
            for (task, index, name), value in self.xcoms.items()
            if (task, name) == (task_ids, key) and map_indexes in {None, index}
        ]
        return found[0] if len(found) == 1 else found


def context_of(task_instance: TaskInstance) -> dict[str, Any]:
    return {"ti": task_instance, "task": SimpleNamespace(application_id="00f1")}


def test_the_run_that_the_operator_returned_is_tracked(inbox: Inbox):
    task_instance = TaskInstance(xcoms={("gold", -1, "return_value"): "00f2", ("silver", -1, "return_value"): "00f3"})
    track_run(inbox.url, "us-east-1")(context_of(task_instance))
    (request,) = inbox.asked()
    assert request.run == RunId(SOURCE, "00f1", "00f2")
    assert request.labels == {"dag": "daily", "task": "gold", "dagRun": "scheduled__2026-01-31T02:00:00+00:00"}


def test_of_a_mapped_task_each_instance_tracks_its_own_run(inbox: Inbox):
    xcoms = {("gold", index, "return_value"): f"00f{index}" for index in range(3)}
    for index in range(3):
        track_run(inbox.url, "us-east-1")(context_of(TaskInstance(map_index=index, xcoms=xcoms)))
    assert sorted(request.run.job_run_id for request in inbox.asked()) == ["00f0", "00f1", "00f2"]


def test_what_fails_is_left_to_airflow_to_log(inbox: Inbox):
    with pytest.raises(ClientError):
        track_run(inbox.url + "-that-is-not-there", "us-east-1")(context_of(TaskInstance()))


def test_nothing_of_airflow_is_needed_to_load_it():
    imported = [
        node for node in ast.walk(ast.parse(inspect.getsource(airflow_callback))) if isinstance(node, ast.Import)
    ]
    assert {name.name for node in imported for name in node.names} == {"json", "boto3"}


def test_the_use_that_it_shows_is_python_that_calls_it_as_it_is():
    shown = (airflow_callback.__doc__ or "").partition("\n\n")[2].partition("\n\n")[0]
    call = ast.parse(inspect.cleandoc(shown), mode="eval").body
    assert isinstance(call, ast.Call)
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    assert ast.literal_eval(given["name"]), "the default name is the same for all tasks"
    assert ast.literal_eval(given["wait_for_completion"]) is False
    assert ast.literal_eval(given["deferrable"]) is False
    callback = given["on_success_callback"]
    assert isinstance(callback, ast.Call)
    assert ast.unparse(callback.func) == track_run.__name__
    assert [keyword.arg for keyword in callback.keywords] == list(inspect.signature(track_run).parameters)
