"""The inbox's entry point: EMR Serverless's own events, and requests to track and untrack runs, from its queue.

Each message of the queue succeeds or fails alone: one that cannot be served now is tried again, one that never can be
goes to the dead-letter queue with the reason, and the rest of its batch is served. A run that several of them are
about is looked at once. A direct invocation has the bare request as its event; a bad one fails with the reason.
`{"check": "<account>/<region>"}` is answered with why each action that the function needs there cannot be done, null
where it can.
"""

import gc

gc.set_threshold(200_000)  # A start makes no garbage: to look for some every 700 objects takes a tenth of it.

import json
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.typing import LambdaContext

from runwatch.core.ids import Source
from runwatch.wiring import RemainingTime, logger, wired

processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context
def handle(event: Any, context: LambdaContext) -> Any:  # noqa: ANN401 - any JSON may come
    runwatch = wired()
    deadline = RemainingTime.of(context, runwatch.settings.deadline_margin)
    looks = runwatch.looks()
    if isinstance(event, dict) and event.keys() == {"check"}:
        return runwatch.check(Source.parse(event["check"]))
    if not isinstance(event, dict) or "Records" not in event:
        runwatch.answer(json.dumps(event), deadline, looks)
        return {"done": True}
    return process_partial_response(
        event=event,
        record_handler=lambda record: runwatch.answer_or_refuse(record.body, deadline, looks),
        processor=processor,
        context=context,
    )
