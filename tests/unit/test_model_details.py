from tests.builders import a_run


def test_half_a_surrogate_pair_among_the_arguments_of_a_job_does_not_stop_a_look():
    """JSON can hold one wherever it holds a text, and so in a list."""
    said = {"sparkSubmit": {"entryPoint": "s3://jobs/gold.py", "entryPointArguments": ["whole", "half \ud83d"]}}
    driver = a_run(job_driver=said).job_driver
    assert driver is not None
    assert driver.spark_submit is not None
    assert driver.spark_submit.entry_point_arguments == ["whole", "half ?"]
