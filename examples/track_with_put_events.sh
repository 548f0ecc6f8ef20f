#!/usr/bin/env bash
# Have Runwatch follow a job run that was started elsewhere, by an event instead of a message to the inbox: for those
# who may put events on the bus that Runwatch listens to, and not send to its queue.
#
#   APPLICATION_ID=00f1 JOB_RUN_ID=00f2 ./track_with_put_events.sh
#
# From another account or Region set EVENT_BUS to the ARN of the bus. IAM: events:PutEvents on the bus.
set -euo pipefail
: "${APPLICATION_ID:?}" "${JOB_RUN_ID:?}"

# `Detail` is JSON in a JSON string: hence the backslashes.
detail="{\\\"track\\\": {\\\"applicationId\\\": \\\"$APPLICATION_ID\\\", \\\"jobRunId\\\": \\\"$JOB_RUN_ID\\\"}}"
event="\"Source\": \"runwatch\", \"DetailType\": \"Track\", \"Detail\": \"$detail\""
entry="{\"EventBusName\": \"${EVENT_BUS:-default}\", $event}"

# An entry that EventBridge refuses is counted in the answer, and the command ends with 0 all the same.
refused=$(aws events put-events --entries "[$entry]" --query FailedEntryCount --output text)
if [ "$refused" != 0 ]; then
  echo "EventBridge refused the event: $entry" >&2
  exit 1
fi
