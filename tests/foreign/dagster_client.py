"""Dagster's Pipes client for EMR Serverless, in an op that is executed in this process.

The environment of `make foreign` runs this file. There is no CloudWatch, so the client finds no logging enabled and
reads no messages. It prints one JSON object, which the test reads.
"""

import json
import sys
from typing import Any

import boto3
from dagster import DagsterInstance, OpExecutionContext, job, op
from dagster_aws.pipes import PipesCloudWatchMessageReader, PipesEMRServerlessClient

ROLE = "arn:aws:iam::123456789012:role/job"


def ran(**start: Any) -> dict[str, Any]:
    """Whether the op succeeded, and what it logged."""
    logged: list[str] = []

    @op
    def spark(context: OpExecutionContext) -> None:
        pipes = PipesEMRServerlessClient(message_reader=PipesCloudWatchMessageReader(), poll_interval=0.1)
        params = {"jobDriver": {"sparkSubmit": {"entryPoint": "s3://example-jobs/gold.py"}}, "executionRoleArn": ROLE}
        pipes.run(context=context, start_job_run_params=params | start)

    @job
    def nightly() -> None:
        spark()

    with DagsterInstance.ephemeral() as instance:
        result = nightly.execute_in_process(raise_on_error=False, instance=instance)
        logged = [entry.user_message for entry in instance.all_logs(result.run_id)]
    return {"succeeded": result.success, "logged": logged}


def main() -> None:
    emr = boto3.client("emr-serverless")
    application = emr.create_application(releaseLabel="emr-7.10.0", type="SPARK")["applicationId"]
    failing = {"simulator:life": "SUBMITTED:10 PENDING:10 RUNNING:20 FAILED", "simulator:details": "ExitCode: 1."}
    well = {"simulator:life": "SUBMITTED:10 PENDING:10 RUNNING:120 SUCCESS"}
    told = [ran(applicationId=application, tags=well), ran(applicationId=application, tags=failing)]
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
