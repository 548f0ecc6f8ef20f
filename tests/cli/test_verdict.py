"""The demo's verdict has to find what is wrong, or its exit code would mean nothing."""

from typing import Any

from cli.verdict import Change, judge

RUN = "00r1"
SUBMITTED, RUNNING, SUCCESS = (Change(RUN, 1, state) for state in ("SUBMITTED", "RUNNING", "SUCCESS"))


def heard(state: str, sequence: int, *, reached: list[str] | None = None) -> dict[str, Any]:
    detail = {"jobRunId": RUN, "attempt": 1, "state": state, "reached": reached or [state], "sequence": sequence}
    return {"id": f"rw-{sequence}", "detail-type": "EMR Serverless Job Run State Change", "detail": detail}


def settled(sequence: int) -> dict[str, Any]:
    detail = {"jobRunId": RUN, "attempt": 1, "state": "SUCCESS", "sequence": sequence}
    return {"id": f"rw-{sequence}", "detail-type": "EMR Serverless Job Run Settled", "detail": detail}


WHOLE = [heard("SUBMITTED", 1), heard("RUNNING", 2), heard("SUCCESS", 3), settled(4)]
ALL = [SUBMITTED, RUNNING, SUCCESS]


def test_all_that_was_answered_and_heard_in_order_agrees():
    verdict = judge(ALL, ALL, WHOLE)
    assert verdict.agrees
    assert "Delivered: 3 of the 3 that a look could see" in str(verdict)


def test_a_repeat_with_the_same_id_is_no_fault():
    assert judge(ALL, ALL, [*WHOLE[:2], WHOLE[1], *WHOLE[2:]]).agrees


def test_a_change_that_a_look_saw_and_nobody_heard_of_is_lost():
    verdict = judge(ALL, ALL, [heard("SUBMITTED", 1), heard("SUCCESS", 2), settled(3)])
    assert verdict.faults() == ["lost: RUNNING of 00r1"]


def test_a_change_too_brief_for_a_look_is_no_loss_when_it_is_told_as_reached():
    told = [heard("SUBMITTED", 1), heard("SUCCESS", 2, reached=["RUNNING", "SUCCESS"]), settled(3)]
    verdict = judge(ALL, [SUBMITTED, SUCCESS], told)
    assert verdict.agrees
    assert verdict.told_as_reached == [RUNNING]


def test_a_running_that_nobody_told_of_is_lost_even_if_no_look_could_see_it():
    verdict = judge(ALL, [SUBMITTED, SUCCESS], [heard("SUBMITTED", 1), heard("SUCCESS", 2), settled(3)])
    assert verdict.faults() == ["lost: RUNNING of 00r1"]


def test_a_running_of_an_attempt_that_nobody_could_look_at_is_no_loss():
    """The run vanished, or was in its next attempt, before the first look."""
    verdict = judge([SUBMITTED, RUNNING], [SUBMITTED], [heard("SUBMITTED", 1)])
    assert verdict.agrees
    assert verdict.passed_unseen == [RUNNING]


def test_a_change_that_never_was_is_invented():
    verdict = judge(ALL, ALL, [*WHOLE[:2], heard("FAILED", 3), heard("SUCCESS", 4), settled(5)])
    assert verdict.faults() == ["invented: FAILED of 00r1"]


def test_messages_in_another_order_or_with_a_gap_are_found():
    assert judge(ALL, ALL, [WHOLE[1], WHOLE[0], *WHOLE[2:]]).disordered == [RUN]
    assert judge(ALL, ALL, [*WHOLE[:3], settled(5)]).disordered == [RUN]


def test_a_run_that_ended_and_was_never_summed_up_is_unfinished():
    assert judge(ALL, ALL, WHOLE[:3]).faults() == ["never summed up: 00r1"]
