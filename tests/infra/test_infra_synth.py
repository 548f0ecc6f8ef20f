"""Synthesizing: needs nobody's credentials and no network, is checked by others' rules, and fails with a reason."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from aws_cdk import App, Validations
from aws_cdk import aws_iam as iam
from cfnlint.api import ManualArgs, lint
from templates import FLAGS, ROOT, Synthesize, Template, WithConfig

import app as entry
from infra.wheels import LayerNotBuilt
from tests.processes import PATIENCE


def run(out: Path, **context: str) -> subprocess.CompletedProcess[str]:
    """Run app.py as the CDK CLI does, in an environment with no credentials, no pip settings and no way out."""
    nowhere = "http://127.0.0.1:9"
    environment = {
        "HOME": os.environ["HOME"],  # where jsii keeps the unpacked CDK
        "PATH": os.defpath,
        "CDK_OUTDIR": str(out),
        "CDK_CONTEXT_JSON": json.dumps({**FLAGS, **context}),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
    }
    return subprocess.run(  # noqa: S603 - our own program
        (sys.executable, str(ROOT / "app.py")),
        check=False,
        timeout=PATIENCE,
        capture_output=True,
        cwd=out.parent,
        env=environment,
        text=True,
    )


def test_it_needs_no_credentials_and_once_the_layer_is_built_no_network(template: Template, tmp_path: Path):
    out = tmp_path / "cdk.out"
    synthesized = run(out)
    assert synthesized.returncode == 0, synthesized.stderr
    assert Template(out).content == template.content


def test_a_faulty_configuration_is_told_in_full_and_nothing_is_synthesized(tmp_path: Path):
    (tmp_path / "mine.toml").write_text("[poll]\nparallel_looks = 99\n[table]\nkeep = true\n", encoding="utf-8")
    out = tmp_path / "cdk.out"
    refused = run(out, config="mine.toml")
    assert refused.returncode == 2
    assert refused.stderr.splitlines() == [
        "mine.toml: poll.parallel_looks: Input should be less than or equal to 50",
        "mine.toml: table.keep: there is no such setting",
    ]
    assert list(out.iterdir()) == []


def test_context_that_means_nothing_is_refused_and_nothing_is_synthesized(tmp_path: Path):
    out = tmp_path / "cdk.out"
    refused = run(out, target="aws", emr_serverless_endpoint="localhost:8080")
    assert refused.returncode == 2
    assert refused.stderr.splitlines() == [
        "-c emr_serverless_endpoint=localhost:8080: not an http:// or https:// URL",
        "-c target=aws: the only target to name is local; leave it out to deploy to AWS",
    ]
    assert list(out.iterdir()) == []


def test_a_layer_that_cannot_be_built_is_told_with_pips_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def build(_: App) -> None:
        raise LayerNotBuilt("pip could not, because")

    monkeypatch.setattr(entry, "build", build)
    assert entry.main() == 1
    assert capsys.readouterr().err == "pip could not, because\n"


def test_the_template_has_no_fault_that_cfn_lint_knows(synthesized: Synthesize, configured: Template, many: Template):
    for template in (synthesized(), configured, many):
        # W3005: the CDK orders resources once more by DependsOn where a reference does already.
        arguments = ManualArgs(regions=["us-east-1", "eu-central-1"], ignore_checks=["W3005"])
        faults = lint(template.file.read_text(encoding="utf-8"), config=arguments)
        assert [f"{fault.rule.id} {fault.message}" for fault in faults] == []


def test_cdk_nag_finds_nothing(template: Template, configured: Template, many: Template, local: Template):
    for each in (template, configured, many, local):
        report = json.loads((each.directory / "validation-report.json").read_text(encoding="utf-8"))
        assert report["pluginReports"] == []


def test_cdk_nag_really_looks_and_what_it_finds_stops_the_synthesis(tmp_path: Path):
    app = App(context=FLAGS, outdir=str(tmp_path), analytics_reporting=False)
    stack = entry.build(app)
    stack.poller.role.add_to_policy(iam.PolicyStatement(actions=["s3:GetObject"], resources=["*/secret"]))
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    report = (tmp_path / "validation-report.json").read_text(encoding="utf-8")
    assert "AwsSolutions-IAM5[Resource::*/secret]" in report


def test_cdk_nag_is_told_to_pass_over_these_and_nothing_else_each_with_a_reason(tmp_path: Path):
    app = App(context=FLAGS, outdir=str(tmp_path), analytics_reporting=False)
    acknowledged = {
        rule.removeprefix("Annotation::"): reason
        for construct in entry.build(app).node.find_all()
        for fact in construct.node.metadata
        if fact.type == Validations.ACKNOWLEDGED_RULES_METADATA_KEY
        for rule, reason in fact.data.items()
    }
    here = "arn:<AWS::Partition>:emr-serverless:<AWS::Region>:<AWS::AccountId>:"
    assert set(acknowledged) == {
        "AwsSolutions-L1",
        "AwsSolutions-SQS3",
        "AwsSolutions-IAM5[Resource::*]",
        *(
            f"AwsSolutions-IAM5[Resource::{here}{path}]"
            for path in ("/*", "/applications/*", "/applications/*/jobruns/*")
        ),
    }
    assert all(len(reason) > 30 for reason in acknowledged.values())


def of_regions(count: int) -> str:
    regions = [
        f"{place}-{number}" for place in ("us-east", "us-west", "eu-north", "eu-south") for number in range(1, 10)
    ]
    return "".join(f'[[sources]]\nregion = "{region}"\n' for region in regions[:count])


def test_sources_that_do_not_fit_are_refused_with_how_many_fit(with_config: WithConfig, tmp_path: Path):
    def refused(count: int) -> str:
        (tmp_path / "mine.toml").write_text(of_regions(count), encoding="utf-8")
        ended = run(tmp_path / "cdk.out", config="mine.toml")
        assert ended.returncode == 2
        (line,) = ended.stderr.splitlines()
        return line

    said = r"mine\.toml: sources: {} make \d+ resources, and CloudFormation takes 500 in a stack: (\d+) fit; watch "
    found = re.match(said.format(36), refused(36))
    assert found
    fit = int(found[1])
    assert re.match(said.format(fit + 1), refused(fit + 1))[1] == str(fit)  # type: ignore[index]
    template = with_config(of_regions(fit))
    assert len(template.content["Resources"]) <= 500
    assert template.file.stat().st_size < 1_000_000, "CloudFormation takes no larger template"


def test_too_many_addresses_are_not_blamed_on_the_sources(tmp_path: Path):
    addresses = ", ".join(f'"ops{number}@example.com"' for number in range(250))
    (tmp_path / "mine.toml").write_text(f"[alerts]\nemails = [{addresses}]\n", encoding="utf-8")
    ended = run(tmp_path / "cdk.out", config="mine.toml")
    assert ended.returncode == 2
    assert re.fullmatch(
        r"mine\.toml: all that is configured would make \d+ resources, and CloudFormation takes 500 in a stack\n",
        ended.stderr,
    )
