"""Have Runwatch follow what an Airflow task starts (Airflow 2 and 3), so that no worker has to wait for it.

    EmrServerlessStartJobOperator(
        task_id="gold",
        name="sales.gold",
        application_id="00f1",
        execution_role_arn="arn:aws:iam::123456789012:role/job",
        job_driver={"sparkSubmit": {"entryPoint": "s3://example-jobs/gold.py"}},
        wait_for_completion=False,
        deferrable=False,
        on_success_callback=track_run(inbox_queue_url="…", region="us-east-1"),
    )

Set `name=`, and give each task a name of its own: Runwatch takes runs with the same name for one job. With Airflow's
default, `emr_serverless_job_airflow_<uuid4>`, all tasks of an application are one job, and so a success of one task
would resolve the failure of another. A tag does the same: `config={"tags": {"runwatch:job": "sales.gold"}}`.

Success of such a task means that the job run was started. Its id is what the operator returned, so it is in the XCom
`return_value` (leave `do_xcom_push` on). An `on_execute_callback` would come too early: it is called before the start.

IAM: `sqs:SendMessage` on the inbox, for the workers' own role.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import boto3


def track_run(inbox_queue_url: str, region: str) -> Callable[[Mapping[str, Any]], None]:
    """The callback for an inbox queue (the stack's output InboxQueueUrl) and the Region where it is."""

    def track(context: Mapping[str, Any]) -> None:
        # What is raised here Airflow logs, and the task stays successful. So it should: the job runs, tracked or not.
        # It can be tracked later by sending the same message; twice does no harm.
        task_instance = context["ti"]
        # With the index, because of a mapped task all runs would come.
        job_run_id = task_instance.xcom_pull(task_ids=task_instance.task_id, map_indexes=task_instance.map_index)
        request = {
            "applicationId": context["task"].application_id,
            "jobRunId": job_run_id,
            "labels": {
                "dag": task_instance.dag_id,
                "task": task_instance.task_id,
                "dagRun": task_instance.run_id,
            },
        }
        sqs = boto3.client("sqs", region_name=region)
        sqs.send_message(QueueUrl=inbox_queue_url, MessageBody=json.dumps({"track": request}))

    return track
