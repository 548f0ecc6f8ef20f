"""Whether the runs table and its indexes are there, forget what is over, and could be brought back."""

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from cli.checks.finding import About, Finding
from cli.checks.patient import Patient
from cli.checks.unanswered import is_gone
from runwatch.stored import EXPIRES_AT, LEFT_INDEX, NEWS_INDEX, OUTBOX_INDEX, WATCH_INDEX

__all__ = ["backup", "expiry", "table"]

NEEDS = {
    WATCH_INDEX: "no run is looked at",
    OUTBOX_INDEX: "no message is sent",
    NEWS_INDEX: "nobody is alerted of what happens to runs",
    LEFT_INDEX: "`list --left` fails",
}
"""What is not done without each index."""


def table(patient: Patient, about: About) -> Iterator[Finding]:
    name = patient.output("RunsTableName")
    try:
        found: Mapping[str, Any] = patient.client("dynamodb").describe_table(TableName=name)["Table"]
    except ClientError as error:
        if not is_gone(error):
            raise
        yield about.fault(
            f"the table {name} is gone",
            "Restore it from its point-in-time backup under the same name: docs/operations.md#notstored says more.",
        )
        return
    indexes = {
        index["IndexName"]: index.get("IndexStatus", "ACTIVE") for index in found.get("GlobalSecondaryIndexes", [])
    }
    amiss = []
    if found["TableStatus"] not in ("ACTIVE", "UPDATING"):
        amiss.append(about.fault(f"{name} is {found['TableStatus']}", "Read in the console of DynamoDB why."))
    for index, without in NEEDS.items():
        if index not in indexes:
            amiss.append(about.broken(f"the index {index} is missing: {without}"))
        elif indexes[index] not in ("ACTIVE", "UPDATING"):
            amiss.append(about.fault(f"the index {index} is {indexes[index]}: {without}", "Wait until it is ACTIVE."))
    yield from amiss or [about.ok(f"{found['TableStatus'].lower()}, as are its indexes {', '.join(sorted(indexes))}")]


def expiry(patient: Patient, about: About) -> Iterator[Finding]:
    name = patient.output("RunsTableName")
    found = patient.client("dynamodb").describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if found.get("TimeToLiveStatus") in ("ENABLED", "ENABLING") and found.get("AttributeName") == EXPIRES_AT:
        yield about.ok(f"settled runs expire by {EXPIRES_AT}")
    else:
        yield about.warning(
            "settled runs are kept for ever: time to live is off",
            "Switch it on",
            f"aws dynamodb update-time-to-live --table-name {name} "
            f"--time-to-live-specification Enabled=true,AttributeName={EXPIRES_AT}",
        )


def backup(patient: Patient, about: About) -> Iterator[Finding]:
    name = patient.output("RunsTableName")
    found = patient.client("dynamodb").describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    if found.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") == "ENABLED":
        yield about.ok("can be brought back to any second of the last weeks")
    else:
        yield about.warning(
            "a table that is lost cannot be brought back: point-in-time recovery is off",
            "Switch it on",
            f"aws dynamodb update-continuous-backups --table-name {name} "
            "--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true",
        )
