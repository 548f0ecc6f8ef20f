import pytest
from botocore.session import get_session

from runwatch.core.states import TERMINAL, Mode, State, comes_before, is_known, is_terminal

SERVICE = get_session().get_service_model("emr-serverless")


def test_our_states_are_the_states_of_botocore():
    assert {*State} == set(SERVICE.shape_for("JobRunState").enum)


def test_our_modes_are_the_modes_of_botocore():
    assert {*Mode} == set(SERVICE.shape_for("JobRunMode").enum)


def test_a_run_has_ended_only_when_it_succeeded_failed_or_was_cancelled():
    assert {state for state in State if is_terminal(state)} == {"SUCCESS", "FAILED", "CANCELLED"} == TERMINAL


def test_cancelling_is_not_the_end():
    assert not is_terminal("CANCELLING")


@pytest.mark.parametrize("state", ["RESUMING", "", "success", "State.SUCCESS", "SUCCESS "])
def test_a_state_that_we_do_not_know_is_neither_known_nor_the_end(state: str):
    assert not is_known(state)
    assert not is_terminal(state)


def test_a_run_that_was_never_seen_has_not_ended():
    assert not is_terminal(None)


@pytest.mark.parametrize("state", [*State])
def test_every_state_of_ours_is_known_as_the_plain_string_that_aws_sends(state: State):
    assert is_known(state.value)
    assert str(state) == state.value == state.name


def test_a_run_comes_from_its_submission_by_way_of_running_to_one_of_three_ends():
    way = ["SUBMITTED", "QUEUED", "PENDING", "SCHEDULED", "RUNNING", "CANCELLING"]
    ends = ["SUCCESS", "FAILED", "CANCELLED"]
    before = {(one, other) for number, one in enumerate(way) for other in [*way[number + 1 :], *ends]}
    assert {(one, other) for one in State for other in State if comes_before(one, other)} == before


@pytest.mark.parametrize("state", [*State, "RESUMING"])
def test_where_a_state_belongs_that_we_do_not_know_nobody_can_tell(state: str):
    assert not comes_before("RESUMING", state)
    assert not comes_before(state, "RESUMING")
