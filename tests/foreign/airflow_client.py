"""Airflow's EMR Serverless hook, operators and sensors, executed without a scheduler.

The environment of `make foreign` runs this file. It prints one JSON object, which the test reads.
"""

import json
import sys
from typing import Any

from airflow.providers.amazon.aws.hooks.emr import EmrServerlessHook
from airflow.providers.amazon.aws.links.emr import get_serverless_dashboard_url
from airflow.providers.amazon.aws.operators.emr import (
    EmrServerlessCreateApplicationOperator,
    EmrServerlessDeleteApplicationOperator,
    EmrServerlessStartJobOperator,
    EmrServerlessStopApplicationOperator,
)
from airflow.providers.amazon.aws.sensors.emr import EmrServerlessApplicationSensor, EmrServerlessJobSensor

ROLE = "arn:aws:iam::123456789012:role/job"
AT = {"aws_conn_id": None, "region_name": "us-east-1"}
PATIENCE = {"waiter_delay": 1, "waiter_max_attempts": 60}
DRIVER = {"sparkSubmit": {"entryPoint": "s3://example-jobs/gold.py"}}


class TaskInstance:
    """Takes what operators leave for others."""

    def xcom_push(self, *_: object, **__: object) -> None:
        """Do nothing: nobody reads it."""


def executed(operator: Any) -> Any:
    return operator.execute({"ti": TaskInstance(), "task_instance": TaskInstance()})


def job(task: str, application: str, **more: Any) -> EmrServerlessStartJobOperator:
    return EmrServerlessStartJobOperator(
        task_id=task, application_id=application, execution_role_arn=ROLE, job_driver=DRIVER, **more, **PATIENCE, **AT
    )


def sensor(task: str, application: str, run: str | None) -> EmrServerlessJobSensor:
    return EmrServerlessJobSensor(task_id=task, application_id=application, job_run_id=run, poke_interval=1, **AT)


def failure_of(operator: Any) -> str:
    try:
        executed(operator)
    except Exception as error:  # noqa: BLE001 - whatever Airflow raises is what is asked for
        return f"{type(error).__name__}: {error}"
    return ""


def main() -> None:
    hook = EmrServerlessHook(**AT)
    application = executed(
        EmrServerlessCreateApplicationOperator(
            task_id="create", release_label="emr-7.10.0", job_type="SPARK", config={"name": "etl"}, **PATIENCE, **AT
        )
    )
    executed(EmrServerlessApplicationSensor(task_id="started", application_id=application, poke_interval=1, **AT))
    run = executed(job("nightly", application, name="nightly", config={"tags": {"team": "gold"}}))
    executed(sensor("ran", application, run))
    dashboard = get_serverless_dashboard_url(
        emr_serverless_client=hook.conn, application_id=application, job_run_id=run
    )
    failing = {"tags": {"simulator:life": "SUBMITTED:1 RUNNING:5 FAILED", "simulator:details": "ExitCode: 1."}}
    fails = job("failing", application, config=failing)
    failures = [failure_of(fails), failure_of(sensor("failed", application, fails.job_id))]
    executed(job("endless", application, config={"tags": {"simulator:life": "RUNNING"}}, wait_for_completion=False))
    executed(
        EmrServerlessStopApplicationOperator(
            task_id="stop", application_id=application, force_stop=True, **PATIENCE, **AT
        )
    )
    stopped = hook.conn.get_application(applicationId=application)["application"]["state"]
    executed(job("wakes", application))
    executed(EmrServerlessDeleteApplicationOperator(task_id="delete", application_id=application, **PATIENCE, **AT))
    told = {
        "run": hook.conn.get_job_run(applicationId=application, jobRunId=run)["jobRun"]["state"],
        "dashboard": dashboard.hostname if dashboard else None,
        "failures": failures,
        "stopped": stopped,
        "deleted": hook.conn.get_application(applicationId=application)["application"]["state"],
    }
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
