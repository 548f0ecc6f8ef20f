"""Start a job run with boto3, and have Runwatch follow it.

    run = start_and_track(
        boto3.client("emr-serverless"),
        boto3.client("sqs"),
        inbox_queue_url="…",  # the stack's output InboxQueueUrl
        application_id="00f1",
        execution_role_arn="arn:aws:iam::123456789012:role/job",
        job_driver={"sparkSubmit": {"entryPoint": "s3://example-jobs/gold.py"}},
        labels={"team": "gold"},
    )

IAM: `emr-serverless:StartJobRun` on the application, `iam:PassRole` on the job's role, `sqs:SendMessage` on the inbox.
"""

import json
import logging
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:  # pip install boto3-stubs[emr-serverless,sqs]
    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_emr_serverless.type_defs import JobDriverUnionTypeDef
    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)


def start_and_track(
    emr_serverless: "EMRServerlessClient",
    sqs: "SQSClient",
    *,
    inbox_queue_url: str,
    application_id: str,
    execution_role_arn: str,
    job_driver: "JobDriverUnionTypeDef",
    labels: Mapping[str, str],
) -> str:
    """Answer with the id of the job run. Raises only if the run was not started.

    `labels` come back in every message about the run: up to 50, names of 1 to 128 characters, values up to 256.
    """
    run = emr_serverless.start_job_run(
        applicationId=application_id,
        executionRoleArn=execution_role_arn,
        clientToken=str(uuid.uuid4()),
        jobDriver=job_driver,
    )
    # The Region is only needed where Runwatch watches several, and is right everywhere.
    where = {"applicationId": application_id, "jobRunId": run["jobRunId"], "region": emr_serverless.meta.region_name}
    request = json.dumps({"track": {**where, "labels": dict(labels)}})
    try:
        sqs.send_message(QueueUrl=inbox_queue_url, MessageBody=request)
    except (BotoCoreError, ClientError):
        # boto3 has tried several times. The job runs nevertheless: to raise would make a caller start it again.
        # Log it and go on. The logged request can be sent at any time, and twice does no harm; where Runwatch hears of
        # runs by itself (native events, discovery), it is only the labels that are missing.
        logger.exception("started, but not tracked: %s", request)
    return run["jobRunId"]
