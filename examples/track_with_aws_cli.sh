#!/usr/bin/env bash
# Start a job run with the AWS CLI, and have Runwatch follow it. Prints the id of the job run.
#
#   APPLICATION_ID=00f1 EXECUTION_ROLE_ARN=arn:aws:iam::123456789012:role/job ENTRY_POINT=s3://example-jobs/gold.py \
#   INBOX_QUEUE_URL=… ./track_with_aws_cli.sh
#
# INBOX_QUEUE_URL is an output of Runwatch's stack. IAM: emr-serverless:StartJobRun on the application, iam:PassRole on
# the job's role, sqs:SendMessage on the inbox.
set -euo pipefail
: "${APPLICATION_ID:?}" "${EXECUTION_ROLE_ARN:?}" "${ENTRY_POINT:?}" "${INBOX_QUEUE_URL:?}"

job_run_id=$(aws emr-serverless start-job-run \
  --application-id "$APPLICATION_ID" \
  --execution-role-arn "$EXECUTION_ROLE_ARN" \
  --job-driver "{\"sparkSubmit\": {\"entryPoint\": \"$ENTRY_POINT\"}}" \
  --query jobRunId --output text)

run="\"applicationId\": \"$APPLICATION_ID\", \"jobRunId\": \"$job_run_id\""
track="{\"track\": {$run, \"labels\": {\"team\": \"gold\"}}}"
# The job runs whether it is tracked or not, so this is no failure. Twice does no harm: send it again by hand.
aws sqs send-message --queue-url "$INBOX_QUEUE_URL" --message-body "$track" > /dev/null ||
  echo "started, but not tracked: $track" >&2

echo "$job_run_id"
