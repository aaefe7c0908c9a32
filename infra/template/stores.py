"""Tables and queues, from the same definitions as the local cloud."""

from infra import queues, tables
from infra.template.names import Resources, arn_of, queue_id, resource, sub, table_id

# Data stays if the stack is deleted or CloudFormation replaces the resource. A resource whose creation is rolled back
# goes, because its name would stand in the way of the next attempt. CloudFormation knows the difference only while this
# stack is created, so `infra.deploy` creates it before all others.
_RETAINED = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}


def stores() -> Resources:
    """Return every table, and every queue with its dead-letter queue."""
    return _tables() | _queues()


def _tables() -> Resources:
    made: Resources = {}
    for definition in tables.DEFINITIONS:
        properties = tables.create_table_request(definition) | {
            "TableName": sub(f"${{Prefix}}-{definition.table.name}"),
            "SSESpecification": {"SSEEnabled": True},
            "DeletionProtectionEnabled": {"Fn::If": ["ProtectsTables", True, False]},
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        }
        if definition.ttl:
            properties["TimeToLiveSpecification"] = {"AttributeName": definition.ttl, "Enabled": True}
        made[table_id(definition.table)] = resource("AWS::DynamoDB::Table", properties, **_RETAINED)
    return made


def _queues() -> Resources:
    made: Resources = {}
    for definition in queues.DEFINITIONS:
        dead = definition.queue.dead_letters
        made[queue_id(dead)] = resource(
            "AWS::SQS::Queue",
            {
                "QueueName": sub(f"${{Prefix}}-{dead.name}"),
                "MessageRetentionPeriod": queues.DEAD_LETTER_SECONDS,
                "SqsManagedSseEnabled": True,
            },
            **_RETAINED,
        )
        made[queue_id(definition.queue)] = resource(
            "AWS::SQS::Queue",
            {
                "QueueName": sub(f"${{Prefix}}-{definition.queue.name}"),
                "VisibilityTimeout": definition.visibility_timeout,
                "RedrivePolicy": {
                    "deadLetterTargetArn": arn_of(queue_id(dead)),
                    "maxReceiveCount": queues.MOST_RECEIVES,
                },
                "SqsManagedSseEnabled": True,
            },
            DeletionPolicy="Delete",
            UpdateReplacePolicy="Delete",
        )
    return made
