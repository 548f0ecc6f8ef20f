"""What is stored is encrypted and kept as long as promised, and what fails is kept somewhere."""

from itertools import product

from templates import Template


def refused_without_tls(policy: dict) -> bool:
    return any(
        statement["Effect"] == "Deny"
        and statement["Principal"] in ("*", {"AWS": "*"})
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in policy["PolicyDocument"]["Statement"]
    )


def test_topics_are_encrypted_with_a_key_of_ours_that_rotates(template: Template, configured: Template):
    for stack in (template, configured):
        topics = stack.of("SNS::Topic").values()
        assert {stack.text(topic["KmsMasterKeyId"]) for topic in topics} == {"<key>"}
        assert [key["EnableKeyRotation"] for key in stack.of("KMS::Key").values()] == [True]


def test_the_events_topic_is_fifo_if_so_configured_and_the_others_never(template: Template, configured: Template):
    def fifo(stack: Template, topic: str) -> dict:
        (properties,) = (each for name, each in stack.of("SNS::Topic").items() if stack.names[name] == topic)
        return {name: value for name, value in properties.items() if name not in {"DisplayName", "KmsMasterKeyId"}}

    assert fifo(template, "events topic") == fifo(template, "alerts topic") == {}
    assert [fifo(configured, f"{topic} topic") for topic in ("alerts", "chat", "alarms")] == [{}, {}, {}]
    events = fifo(configured, "events topic")
    assert events.pop("TopicName").endswith(".fifo"), "by which the functions tell it"
    # By ids that we give, and none that SNS makes of the content: two messages of a run may say the same.
    assert events == {"FifoTopic": True, "FifoThroughputScope": "MessageGroup"}


def test_topics_and_queues_are_reached_by_tls_only(template: Template, configured: Template):
    for stack, (kind, policies, subject) in product(
        (template, configured),
        (("SNS::Topic", "SNS::TopicPolicy", "Topics"), ("SQS::Queue", "SQS::QueuePolicy", "Queues")),
    ):
        guarded = {
            each["Ref"]
            for policy in stack.of(policies).values()
            if refused_without_tls(policy)
            for each in policy[subject]
        }
        assert guarded == set(stack.of(kind))


def test_queues_are_encrypted(template: Template):
    assert all(queue["SqsManagedSseEnabled"] for queue in template.of("SQS::Queue").values())


def test_every_queue_has_a_dead_letter_queue_or_is_one(template: Template):
    inbox = next(queue for name, queue in template.of("SQS::Queue").items() if template.names[name] == "inbox queue")
    assert template.text(inbox["RedrivePolicy"]["deadLetterTargetArn"]) == "<refused queue>"
    assert inbox["RedrivePolicy"]["maxReceiveCount"] == 5
    assert {template.names[queue] for queue in template.of("SQS::Queue")} == {
        "inbox queue",
        "refused queue",
        "undelivered queue",
    }


def test_a_dead_letter_outlives_the_time_it_may_have_waited_before(template: Template):
    kept = {template.names[name]: queue["MessageRetentionPeriod"] for name, queue in template.of("SQS::Queue").items()}
    assert kept["refused queue"] == 14 * 86400 > kept["inbox queue"]


def test_the_table_is_encrypted_recoverable_and_forgets_what_expired(template: Template):
    (table,) = template.of("DynamoDB::GlobalTable").values()
    (replica,) = table["Replicas"]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert replica["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_the_indexes_hold_what_the_code_reads_and_no_more(template: Template):
    (table,) = template.of("DynamoDB::GlobalTable").values()
    indexes = {
        index["IndexName"]: ([key["AttributeName"] for key in index["KeySchema"]], index["Projection"])
        for index in table["GlobalSecondaryIndexes"]
    }
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    assert indexes == {
        "watch": (
            ["watch_source", "run_arn"],
            {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["version", "record", "v"]},
        ),
        "left": (
            ["left_day", "left_at"],
            {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["version", "record", "v"]},
        ),
        "outbox": (["outbox_source", "outbox_order"], {"ProjectionType": "KEYS_ONLY"}),
        "news": (["news_source", "news_order"], {"ProjectionType": "KEYS_ONLY"}),
    }


def test_the_table_outlives_the_stack_unless_told_otherwise(template: Template, configured: Template):
    for stack, kept in ((template, True), (configured, False)):
        (table,) = stack.of("DynamoDB::GlobalTable")
        resource = stack.content["Resources"][table]
        policy = "Retain" if kept else "Delete"
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == policy
        assert resource["Properties"]["Replicas"][0]["DeletionProtectionEnabled"] is kept


def test_nothing_but_the_table_is_left_behind_when_the_stack_is_deleted(template: Template):
    left = {
        resource["Type"]
        for resource in template.content["Resources"].values()
        if resource.get("DeletionPolicy", "Delete") != "Delete"
    }
    assert left == {"AWS::DynamoDB::GlobalTable"}


def test_logs_are_kept_as_long_as_configured(template: Template, configured: Template):
    for stack, days in ((template, 30), (configured, 7)):
        groups = stack.of("Logs::LogGroup")
        assert [group["RetentionInDays"] for group in groups.values()] == [days] * 4
        written = {function["LoggingConfig"]["LogGroup"]["Ref"] for function in stack.of("Lambda::Function").values()}
        assert written == set(groups)
