#!/usr/bin/env bash
# Make an SQS queue that hears of failures which nothing will retry, one JSON document a message.
#
#   EVENTS_TOPIC_ARN=… QUEUE_NAME=failed-jobs ./subscribe_queue.sh [FILTER_POLICY.json]
#
# EVENTS_TOPIC_ARN is an output of Runwatch's stack. With `[events] fifo = true` take a name that ends in .fifo, and add
# FifoQueue=true to the queue's attributes. Take a queue of its own: the policy set here replaces any that it has.
#
# The topic is encrypted with a KMS key of its own. That asks nothing of a subscriber: SNS decrypts before it delivers.
# But SNS must be able to write to your queue. With SSE-SQS, as here, it is. A queue under a KMS key needs one of yours,
# whose policy allows sns.amazonaws.com kms:GenerateDataKey* and kms:Decrypt; alias/aws/sqs cannot be used.
#
# IAM: sqs:CreateQueue, sqs:GetQueueAttributes and sqs:SetQueueAttributes on the queue, sns:Subscribe on the topic.
set -euo pipefail
: "${EVENTS_TOPIC_ARN:?}" "${QUEUE_NAME:?}"
filter_policy=${1:-$(dirname "$0")/only_failures.filter.json}

as_json_string() { tr -d '\n' | sed 's/\\/\\\\/g; s/"/\\"/g; s/^/"/; s/$/"/'; }

queue_url=$(aws sqs create-queue --queue-name "$QUEUE_NAME" --attributes SqsManagedSseEnabled=true \
  --query QueueUrl --output text)
queue_arn=$(aws sqs get-queue-attributes --queue-url "$queue_url" --attribute-names QueueArn \
  --query Attributes.QueueArn --output text)

policy=$(as_json_string <<END
{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
 "Action": "sqs:SendMessage", "Resource": "$queue_arn",
 "Condition": {"ArnEquals": {"aws:SourceArn": "$EVENTS_TOPIC_ARN"}}}]}
END
)
aws sqs set-queue-attributes --queue-url "$queue_url" --attributes "{\"Policy\": $policy}"

aws sns subscribe --topic-arn "$EVENTS_TOPIC_ARN" --protocol sqs --notification-endpoint "$queue_arn" \
  --attributes "{\"RawMessageDelivery\": \"true\", \"FilterPolicy\": $(as_json_string < "$filter_policy")}" \
  --return-subscription-arn --query SubscriptionArn --output text
