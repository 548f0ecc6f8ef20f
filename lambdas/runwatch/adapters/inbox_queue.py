"""The inbox, for whoever asks something of it: a message in its queue."""

import json
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from runwatch.core.ids import RunId
from runwatch.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

__all__ = ["InboxQueue"]


class InboxQueue:
    def __init__(self, sqs: "SQSClient", url: str) -> None:
        self._sqs = sqs
        self._url = url

    def look_now(self, run: RunId) -> None:
        """Ask for a look at a run that is watched (`core.requests`); raises StoreUnavailable."""
        asked = {
            "applicationId": run.application_id,
            "jobRunId": run.job_run_id,
            "account": run.source.account,
            "region": run.source.region,
        }
        try:
            self._sqs.send_message(QueueUrl=self._url, MessageBody=json.dumps({"look": asked}))
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"SendMessage: {error}") from error
