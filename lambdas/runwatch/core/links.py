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

__all__ = ["console_of", "driver_log_of"]

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
    return _console(run.source, f"emr/home?region={run.source.region}#/serverless")


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
        group = cloud_watch.log_group_name or DEFAULT_LOG_GROUP
        prefix = f"{cloud_watch.log_stream_name_prefix.strip('/')}/" if cloud_watch.log_stream_name_prefix else ""
        place = f"log-group/{_console_quoted(group)}$3FlogStreamNameFilter$3D{_console_quoted(prefix + path)}"
        return _console(run.source, f"cloudwatch/home?region={run.source.region}#logsV2:log-groups/{place}")
    return None


def _driver_path(run: RunId, seen: JobRun) -> str:
    return f"applications/{run.application_id}/jobs/{run.job_run_id}/{_attempt_folder(seen)}{_driver(seen)}"


def _attempt_folder(seen: JobRun) -> str:
    retried = ((seen.retry_policy and seen.retry_policy.max_attempts) or 1) > 1 or (seen.attempt or 1) > 1
    return f"attempts/{seen.attempt or 1}/" if retried or seen.mode == Mode.STREAMING else ""


def _driver(seen: JobRun) -> str:
    return "HIVE_DRIVER" if seen.job_driver and seen.job_driver.hive else "SPARK_DRIVER"


def _console_quoted(text: str) -> str:
    """CloudWatch's console wants what it reads behind the `#` quoted twice, with `$` for the outer `%`."""
    return quote(quote(text, safe=""), safe="").replace("%", "$")
