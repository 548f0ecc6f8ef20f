import pytest

from runwatch.core.ids import MalformedId, RunId


@pytest.mark.parametrize("text", ["", "00f2", "arn:aws:emr-serverless:us-east-1:123456789012:/applications/00f1"])
def test_what_is_not_the_arn_of_a_job_run_is_refused_with_the_text_in_the_reason(text: str):
    with pytest.raises(MalformedId) as refused:
        RunId.parse(text)
    assert repr(text) in str(refused.value)
