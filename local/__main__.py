"""`python -m local up | start | messages | digest | env | down`: the deployed stack on this machine, to play with."""

import json
import os
import shlex
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import boto3
import typer
from botocore.exceptions import EndpointConnectionError
from rich.console import Console

from local import servers, stack
from local.subscriber import subscribe
from simulator import FaultyScenario, load

if TYPE_CHECKING:
    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_sqs import SQSClient

HOME = stack.ROOT / ".local"
STATE = HOME / "state.json"
CONFIG = stack.ROOT / "local" / "config.toml"
TOPICS = {"events": "EventsTopicArn", "alerts": "AlertsTopicArn", "chat": "ChatTopicArn"}
"""Those that somebody listens to, and what the stack calls them."""
LIFE = "SUBMITTED:20 PENDING:20 SCHEDULED:30 RUNNING:90 SUCCESS"

S = TypeVar("S", bound=servers.Started)

console = Console(highlight=False)
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.command()
def up(
    *, events: Annotated[bool, typer.Option(help="Bring the simulator's native events to the event bus.")] = True
) -> None:
    """Start MiniStack and the simulator, and deploy the stack with `cdk deploy`."""
    if STATE.exists():
        console.print("It is up already, or was not stopped properly: run `make local-down` first.", style="red")
        raise typer.Exit(1)
    HOME.mkdir(exist_ok=True)
    started: list[servers.Started] = []
    logs = HOME / "logs"
    try:
        with console.status("Starting MiniStack and the simulator …"):
            aws = _noted(servers.ministack(logs), started).url
            emr_serverless = _noted(servers.simulator(logs), started).url
            if events:
                _noted(servers.bridge(logs, emr_serverless, aws), started)
        with console.status("cdk deploy …"):
            deployed = stack.deploy(aws, emr_serverless, HOME, CONFIG)
        stack.use(aws)
        subscribers = {topic: subscribe(deployed[arn], f"{topic}-subscriber") for topic, arn in TOPICS.items()}
    except (servers.NotStarted, stack.NotDeployed) as error:
        console.print(str(error), style="red", markup=False)
        for server in reversed(started):
            server.stop()
        STATE.unlink(missing_ok=True)
        raise typer.Exit(1) from error
    STATE.write_text(
        json.dumps(
            {
                "servers": [server.identity for server in started],
                "aws": aws,
                "emr_serverless": emr_serverless,
                "events": events,
                "outputs": deployed.outputs,
                "subscribers": subscribers,
            }
        )
    )
    _tell(aws, emr_serverless, deployed, known_by="its first event" if events else "discovery, within minutes")


@app.command()
def start(
    name: Annotated[str, typer.Argument(help="The job's name.")] = "daily-gold",
    life: Annotated[str, typer.Option(help="The states it goes through, with the seconds each lasts.")] = LIFE,
    *,
    track: Annotated[bool, typer.Option(help="Ask the inbox to watch it, instead of waiting for its events.")] = False,
    scenario: Annotated[
        Path | None, typer.Option(help="Let all of this file happen from now on, instead of one run.")
    ] = None,
) -> None:
    """Start a job run in the simulator. It becomes known by its first event."""
    state = _state()
    if scenario is not None:
        _play(state, scenario)
        return
    emr_serverless = _emr_serverless(state)
    run = emr_serverless.start_job_run(
        applicationId=_application(emr_serverless),
        executionRoleArn=f"arn:aws:iam::{stack.LOCAL_ACCOUNT}:role/job",
        clientToken=os.urandom(8).hex(),
        name=name,
        jobDriver={"sparkSubmit": {"entryPoint": "s3://jobs/job.py"}},
        tags={"simulator:life": life},
    )
    key = {"applicationId": run["applicationId"], "jobRunId": run["jobRunId"]}
    console.print(f"Started {name}: {json.dumps(key)}", markup=False, soft_wrap=True)
    if track:
        request = json.dumps({"track": key})
        _sqs(state).send_message(QueueUrl=state["outputs"]["InboxQueueUrl"], MessageBody=request)
        console.print(f"Sent to the inbox: {request}", markup=False, soft_wrap=True)
    elif not state["events"]:
        console.print(
            "No events come here: discovery finds it within minutes. --track has it watched at once.", soft_wrap=True
        )
    console.print(
        "The poller looks at it four times a minute. Read on with: .venv/bin/python -m local messages --follow",
        soft_wrap=True,
    )


@app.command()
def messages(
    *,
    follow: Annotated[bool, typer.Option(help="Wait for more, until Ctrl-C.")] = False,
    alerts: Annotated[bool, typer.Option("--alerts", help="Of the alerts topic: what people read.")] = False,
    chat: Annotated[bool, typer.Option("--chat", help="Of the chat topic: what Amazon Q is told.")] = False,
) -> None:
    """Print the messages that came to a queue which is subscribed to the events topic, or to another."""
    if alerts and chat:
        raise typer.BadParameter("they are two topics", param_hint="--alerts and --chat")
    state = _state()
    sqs = _sqs(state)
    queue = state["subscribers"]["alerts" if alerts else "chat" if chat else "events"]
    try:
        while True:
            received = sqs.receive_message(
                QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=5 if follow else 0
            ).get("Messages", [])
            for message in received:
                if alerts:
                    console.rule()
                    console.print(message["Body"], markup=False, soft_wrap=True)
                else:
                    console.print_json(message["Body"])
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            if not received and not follow:
                return
    except KeyboardInterrupt:
        return


@app.command()
def digest(
    last: Annotated[int, typer.Option(min=1, metavar="MINUTES", help="How much of what was it tells of.")] = 60,
) -> None:
    """Have the digest of the last minutes sent, as the schedule does once a day for the last day."""
    state = _state()
    until = datetime.now(UTC).replace(microsecond=0)
    asked = {
        "source": f"{stack.LOCAL_ACCOUNT}/{stack.LOCAL_REGION}",
        "since": (until - timedelta(minutes=last)).isoformat(),
        "until": until.isoformat(),
    }
    stack.use(state["aws"])
    name = state["outputs"]["DigestFunctionName"]
    reply = boto3.client("lambda").invoke(FunctionName=name, Payload=json.dumps(asked))
    console.print_json(reply["Payload"].read().decode())
    console.print(
        "Read it with: .venv/bin/python -m local messages --alerts\n"
        "The local AWS makes no metrics of what functions log, so the digest knows of no ticks here.",
        soft_wrap=True,
    )


@app.command()
def env() -> None:
    """Print what points a shell's boto3, `aws` and `runwatch` at the local AWS: `eval "$(… local env)"`."""
    state = _state()
    print("unset", *stack.PROFILES)
    settings = stack.aws_environment(state["aws"]) | {"AWS_ENDPOINT_URL_EMR_SERVERLESS": state["emr_serverless"]}
    for name, value in settings.items():
        print(f"export {name}={shlex.quote(value)}")


@app.command()
def down() -> None:
    """Stop what `up` started."""
    if STATE.exists():
        for pid, started_at in reversed(json.loads(STATE.read_text())["servers"]):
            servers.stop(pid, started_at)
        STATE.unlink()
        console.print("Stopped.")


def _noted(server: S, started: list[servers.Started]) -> S:
    """What was started, written down at once for `down`: whatever happens next, it can be stopped."""
    started.append(server)
    STATE.write_text(json.dumps({"servers": [each.identity for each in started]}))
    return server


def _tell(aws: str, emr_serverless: str, deployed: stack.Stack, *, known_by: str) -> None:
    width = max(map(len, deployed.outputs))
    console.print("\nRunwatch is deployed on this machine.\n", style="bold green")
    for name, value in sorted(deployed.outputs.items()):
        console.print(f"  {name:<{width}}  {value}", markup=False, soft_wrap=True)
    console.print(f"\n  AWS (MiniStack)  {aws}\n  EMR Serverless (the simulator)  {emr_serverless}")
    console.print("\nThe schedule fires each minute by itself, for four rounds of looks. Try:\n", style="bold")
    for command, does in (
        (".venv/bin/python -m local start", f"start a job run; it becomes known by {known_by}"),
        (".venv/bin/python -m local messages --follow", "read what a subscriber of the events topic receives"),
        ('eval "$(.venv/bin/python -m local env)"', "point this shell at the local AWS, for those that follow"),
        (".venv/bin/runwatch board", "look at the runs in a browser"),
        (".venv/bin/runwatch watch", "see the runs as they change"),
        (".venv/bin/runwatch list", "list them"),
        (".venv/bin/runwatch show <run>", "what happened to one of them"),
        (".venv/bin/runwatch doctor", "is Runwatch itself in good health?"),
        (".venv/bin/runwatch policy set local/alerts.toml", "an alert policy with limits of seconds"),
        (
            ".venv/bin/python -m local start --scenario local/alerts.json",
            "in eleven minutes all happens that people can be alerted of, and is over again",
        ),
        (".venv/bin/python -m local messages --alerts --follow", "read what they are told (--chat: what a channel is)"),
        (
            ".venv/bin/python -m local start --scenario local/storm.json",
            "a storm of runs in five minutes, for the board",
        ),
        (
            ".venv/bin/python -m local digest --last 30",
            "send the digest of the last half hour, instead of the last day",
        ),
        (".venv/bin/runwatch backtest local/alerts.toml --since 30m", "what that policy would have told of it"),
        ('.venv/bin/python -m local start nightly --life "SUBMITTED:5 RUNNING:60 FAILED"', "another life"),
        ("make local-down", "stop it all"),
    ):
        console.print(f"  {command}\n      {does}", markup=False, soft_wrap=True)


def _play(state: Any, scenario: Path) -> None:  # noqa: ANN401 - as below
    try:
        runs = load(scenario).runs
    except FaultyScenario as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(2) from error
    page = f"{state['emr_serverless']}/_simulator/scenario"
    try:
        urlopen(Request(page, scenario.read_bytes()), timeout=10).close()  # noqa: S310 - http to loopback
    except HTTPError as error:
        console.print(json.load(error)["message"], style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from error
    last = max((run.start for run in runs), default=0)
    console.print(f"{len(runs)} job runs, the last of which begins after {last:.0f} s.")


def _state() -> Any:  # noqa: ANN401 - what `up` wrote
    if not STATE.exists():
        console.print("Nothing is up: run `make local` first.", style="red")
        raise typer.Exit(1)
    return json.loads(STATE.read_text())


def _application(emr_serverless: "EMRServerlessClient") -> str:
    """The simulator's application, made when there is none yet."""
    if there := emr_serverless.list_applications()["applications"]:
        return there[0]["id"]
    made = emr_serverless.create_application(
        name="local", releaseLabel="emr-7.10.0", type="SPARK", clientToken=os.urandom(8).hex()
    )
    return made["applicationId"]


def _emr_serverless(state: Any) -> "EMRServerlessClient":  # noqa: ANN401 - as above
    stack.use(state["aws"])
    return boto3.client("emr-serverless", endpoint_url=state["emr_serverless"])


def _sqs(state: Any) -> "SQSClient":  # noqa: ANN401 - as above
    stack.use(state["aws"])
    return boto3.client("sqs")


def main() -> None:
    try:
        app()
    except EndpointConnectionError as error:
        console.print(
            f"{error}\nIs it still up? Run `make local-down`, then `make local`.", style="red", soft_wrap=True
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
