"""Where the logs of one attempt are, and what to type to read its driver's.

Each part of a run's monitoring configuration (S3, CloudWatch, managed persistence) stands in for the same part of its
application's; an empty one switches it off (EMR Serverless user guide, "Default application configuration"). Where
logs go neither to S3 nor to CloudWatch, AWS keeps them, which is its default: they are reached through the Spark UI,
by a link that GetDashboardForJobRun gives to whoever asks, for an hour.
"""

import json
import re
import shlex
from dataclasses import dataclass
from urllib.parse import unquote

from runwatch.core.ids import RunId
from runwatch.core.links import DEFAULT_LOG_GROUP, LONGEST, folder_of, streams_of
from runwatch.core.model import CloudWatchLogging, Monitoring

__all__ = ["Logs", "command_for", "logs_of"]

_STREAMS = re.compile(r"https://[^/]*/cloudwatch/home\?region=[^#]*#logsV2:log-groups/log-group/(.*)")


@dataclass(frozen=True)
class Logs:
    """What is not there, or would be too long for a message, is None."""

    s3_prefix: str | None = None
    """`s3://…/`, with the logs of all workers of the attempt below it."""
    log_group: str | None = None
    log_stream_prefix: str | None = None
    """Of the streams of all workers of the attempt."""
    link: str | None = None
    """The driver's stderr in S3, or else its streams in CloudWatch's console."""
    command: str | None = None
    """What a person types to read it, quoted for a POSIX shell."""


def logs_of(
    run: RunId,
    *,
    attempt: int = 1,
    mode: str | None = None,
    retried: bool = False,
    hive: bool = False,
    of_run: Monitoring | None = None,
    of_application: Monitoring | None = None,
) -> Logs:
    """`retried`: whether the run's policy allows more than one attempt. S3 is preferred where both have the log."""
    own, common = of_run or Monitoring(), of_application or Monitoring()
    folder = folder_of(run, attempt, mode=mode, may_be_retried=retried)
    driver = "HIVE_DRIVER" if hive else "SPARK_DRIVER"
    s3 = own.s3_monitoring_configuration or common.s3_monitoring_configuration
    if s3 is not None and s3.log_uri:
        prefix = f"{s3.log_uri.rstrip('/')}/{folder}"
        return _linked(run, f"{prefix}{driver}/stderr.gz", Logs(s3_prefix=prefix))
    cloud_watch = own.cloud_watch_logging_configuration or common.cloud_watch_logging_configuration
    if cloud_watch is not None and cloud_watch.enabled:
        return _in_cloud_watch(run, cloud_watch, folder, driver)
    kept = own.managed_persistence_monitoring_configuration or common.managed_persistence_monitoring_configuration
    if kept is not None and kept.enabled is False:
        return Logs()
    return Logs(command=_dashboard(run, attempt, folder))


def _in_cloud_watch(run: RunId, cloud_watch: CloudWatchLogging, folder: str, driver: str) -> Logs:
    group = cloud_watch.log_group_name or DEFAULT_LOG_GROUP
    own = f"{cloud_watch.log_stream_name_prefix.strip('/')}/" if cloud_watch.log_stream_name_prefix else ""
    known = Logs(log_group=group, log_stream_prefix=own + folder)
    return _linked(run, streams_of(run.source, group, own + folder + driver), known)


def _linked(run: RunId, link: str, known: Logs) -> Logs:
    """With the link and the command, unless the link is too long to be sent."""
    if len(json.dumps(link)) > LONGEST:
        return Logs()
    return Logs(known.s3_prefix, known.log_group, known.log_stream_prefix, link, command_for(run, link))


def command_for(run: RunId, link: str | None) -> str | None:
    """What a person types to read the log that `links.driverLog` of a message leads to; None of any other link."""
    if link is None:
        return None
    if link.startswith("s3://"):
        return f"aws s3 cp {shlex.quote(link)} - | gunzip"
    found = _STREAMS.fullmatch(link)
    group, _, prefix = unquote(found[1].replace("$", "%")).partition("?logStreamNameFilter=") if found else ("", "", "")
    return _tail(run, unquote(group), unquote(prefix)) if group and prefix else None


def _tail(run: RunId, group: str, prefix: str) -> str | None:
    """None where a name would be read as an option. Without a time it tells of the last ten minutes only."""
    if group.startswith("-") or prefix.startswith("-"):
        return None
    streams = ("--log-stream-name-prefix", prefix)
    return _typed("aws", "logs", "tail", group, *streams, "--since", "1d", "--region", run.source.region)


def _dashboard(run: RunId, attempt: int, folder: str) -> str:
    words = ["aws", "emr-serverless", "get-dashboard-for-job-run"]
    words += ["--application-id", run.application_id, "--job-run-id", run.job_run_id]
    words += ["--attempt", str(attempt)] if "/attempts/" in folder else []
    return _typed(*words, "--region", run.source.region)


def _typed(*words: str) -> str:
    return " ".join(map(shlex.quote, words))
