import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runwatch.core.ids import MalformedId, RunId, Source

SOURCES = st.builds(
    Source,
    account=st.text(string.digits, min_size=12, max_size=12),
    region=st.sampled_from(
        ["us-east-1", "eu-central-2", "ap-southeast-5", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "il-central-1"]
    ),
)
IDS = st.text(string.digits + string.ascii_lowercase, min_size=1, max_size=64)


@given(SOURCES)
def test_a_source_is_read_back_as_it_is_written(source: Source):
    assert Source.parse(str(source)) == source


@given(st.builds(RunId, SOURCES, IDS, IDS))
def test_a_run_is_read_back_from_its_arn(run: RunId):
    assert RunId.parse(run.arn) == run
    assert str(run) == run.arn


def test_an_arn_is_written_as_aws_writes_it():
    run = RunId(Source("123456789012", "us-east-1"), "00f1", "00f2")
    assert run.arn == "arn:aws:emr-serverless:us-east-1:123456789012:/applications/00f1/jobruns/00f2"


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("us-east-1", "aws"),
        ("eu-west-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("cn-northwest-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-gov-east-1", "aws-us-gov"),
    ],
)
def test_a_region_belongs_to_its_partition(region: str, partition: str):
    source = Source("123456789012", region)
    assert source.partition == partition
    assert RunId(source, "a", "b").arn.startswith(f"arn:{partition}:emr-serverless:{region}:")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "123456789012",
        "123456789012/",
        "/us-east-1",
        "12345678901/us-east-1",
        "1234567890123/us-east-1",
        "12345678901a/us-east-1",
        "123456789012/us-east",
        "123456789012/US-EAST-1",
        "123456789012/us-east-1\n",
        " 123456789012/us-east-1",
        "123456789012/us-east-1,",
        "123456789012/us-east-1/x",
        "123456789012:us-east-1",
    ],
)
def test_what_is_not_a_source_is_refused_with_the_text_in_the_reason(text: str):
    with pytest.raises(MalformedId) as refused:
        Source.parse(text)
    assert repr(text) in str(refused.value)


def test_digits_of_other_scripts_are_no_account():
    with pytest.raises(MalformedId):
        Source.parse("\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u0660\u0661\u0662/us-east-1")


ARN = "arn:aws:emr-serverless:us-east-1:123456789012:/applications/00f1/jobruns/00f2"


@pytest.mark.parametrize(
    "text",
    [
        "",
        ARN + "\n",
        " " + ARN,
        ARN + "/",
        ARN.replace("emr-serverless", "emr-containers"),
        ARN.replace("123456789012", "12345678901"),
        ARN.replace("00f1", "00F1"),
        ARN.replace("00f2", ""),
        ARN.replace("00f2", "x" * 65),
        ARN.replace("00f1", "x" * 65),
        ARN.replace("/jobruns/00f2", ""),
        ARN.replace("arn:", "urn:"),
    ],
)
def test_what_is_not_the_arn_of_a_job_run_is_refused(text: str):
    with pytest.raises(MalformedId):
        RunId.parse(text)
