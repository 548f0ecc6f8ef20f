from collections.abc import Iterator

import pytest
from moto import mock_aws

from simulator import ManualClock, Scenario, Simulator, serve
from tests.builders import at
from tests.examples.clients import EmrServerless, Inbox, client


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with mock_aws():
        sqs = client("sqs")
        yield Inbox(sqs, sqs.create_queue(QueueName="inbox")["QueueUrl"])


@pytest.fixture
def emr_serverless() -> Iterator[EmrServerless]:
    simulator = Simulator(ManualClock(at()), Scenario.model_validate({"applications": [{"id": "00f1"}]}), quota=False)
    with serve(simulator) as serving:
        emr_serverless = client("emr-serverless", endpoint_url=serving.url)
        yield EmrServerless(emr_serverless, simulator)
        emr_serverless.close()
