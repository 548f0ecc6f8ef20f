"""What the benchmark of publishing holds, on fewer runs: how many calls a transition costs."""

from benchmarks.publishing import Figures, counted


def test_a_busy_tick_makes_one_transaction_and_a_tenth_of_a_publish_a_mark_and_a_read_for_each_transition():
    assert counted(20) == Figures(transactions=1.0, publishes=0.1, marks=0.1, reads=0.1, untold=0)
