import pytest
from botocore.session import get_session

from runwatch.core.states import TERMINAL, Mode, State, is_known, is_terminal

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
