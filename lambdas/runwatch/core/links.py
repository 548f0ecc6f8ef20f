"""Where a person looks next: the console, and the driver's log of this attempt.

Log layout (EMR Serverless user guide, "Storing logs"): S3 `<logUri>/applications/A/jobs/J/SPARK_DRIVER/stderr.gz`;
CloudWatch group `/aws/emr-serverless` by default, stream `<prefix>/applications/A/jobs/J/SPARK_DRIVER/…`. Every
streaming job, and every batch job with retries, has `attempts/N/` before `SPARK_DRIVER`, its first attempt included.
A link is made of what the run says itself; where logs go by the application's default, the run does not say, and the
link is None. Links of GetDashboardForJobRun are never used: they work once and for an hour.
"""

import json
from urllib.parse import quote

from runwatch.core.ids import RunId, Source
from runwatch.core.model import JobRun, Monitoring
from runwatch.core.states import Mode

__all__ = ["DEFAULT_LOG_GROUP", "LONGEST", "console_of", "driver_log_of", "folder_of", "home_of", "streams_of"]

LONGEST = 16 * 1024
"""Bytes of JSON of a link; one that had to be cut would lead nowhere. A log URI has at most 10,280 characters."""
DEFAULT_LOG_GROUP = "/aws/emr-serverless"
_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


def _console(source: Source, path: str) -> str:
    return f"https://{source.region}.{_CONSOLES[source.partition]}/{path}"


def console_of(run: RunId) -> str:
    """EMR Serverless in the console. One run's page is in an EMR Studio, whose address GetJobRun does not tell."""
    return home_of(run.source)


def home_of(source: Source) -> str:
    """The same, where no run is meant."""
    return _console(source, f"emr/home?region={source.region}#/serverless")


def driver_log_of(run: RunId, seen: JobRun) -> str | None:
    """The driver's stderr in S3 as an `s3://` URI, or else its CloudWatch streams in the console, or None."""
    monitoring = seen.configuration_overrides and seen.configuration_overrides.monitoring_configuration
    link = _log_link(run, monitoring, _driver_path(run, seen)) if monitoring else None
    return link if link and len(json.dumps(link)) <= LONGEST else None


def _log_link(run: RunId, monitoring: Monitoring, path: str) -> str | None:
    s3, cloud_watch = monitoring.s3_monitoring_configuration, monitoring.cloud_watch_logging_configuration
    if s3 and s3.log_uri:
        return f"{s3.log_uri.rstrip('/')}/{path}/stderr.gz"
    if cloud_watch and cloud_watch.enabled:
        prefix = f"{cloud_watch.log_stream_name_prefix.strip('/')}/" if cloud_watch.log_stream_name_prefix else ""
        return streams_of(run.source, cloud_watch.log_group_name or DEFAULT_LOG_GROUP, prefix + path)
    return None


def streams_of(source: Source, group: str, prefix: str) -> str:
    """The streams of a CloudWatch log group whose names begin so, in the console."""
    place = f"log-group/{_console_quoted(group)}$3FlogStreamNameFilter$3D{_console_quoted(prefix)}"
    return _console(source, f"cloudwatch/home?region={source.region}#logsV2:log-groups/{place}")


def _driver_path(run: RunId, seen: JobRun) -> str:
    may_be_retried = ((seen.retry_policy and seen.retry_policy.max_attempts) or 1) > 1
    driver = "HIVE_DRIVER" if seen.job_driver and seen.job_driver.hive else "SPARK_DRIVER"
    return folder_of(run, seen.attempt or 1, mode=seen.mode, may_be_retried=may_be_retried) + driver


def folder_of(run: RunId, attempt: int, *, mode: str | None, may_be_retried: bool) -> str:
    """Where the logs of all workers of an attempt are, below where all logs go; with a slash at its end."""
    one_of_many = may_be_retried or attempt > 1 or mode == Mode.STREAMING
    return f"applications/{run.application_id}/jobs/{run.job_run_id}/{f'attempts/{attempt}/' if one_of_many else ''}"


def _console_quoted(text: str) -> str:
    """CloudWatch's console wants what it reads behind the `#` quoted twice, with `$` for the outer `%`."""
    return quote(quote(text, safe=""), safe="").replace("%", "$")
