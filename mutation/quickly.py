"""A plugin for pytest, as mutmut calls it: once for each mutant, with the ids of the tests that reach it.

A test is asked for with all its parameters. pytest finds none by an id that has a backslash in it, and it needs longer
to look up a thousand ids than to run what they stand for.
"""

from hypothesis import Phase, settings

EXAMPLES = 25


def pytest_load_initial_conftests(args: list[str]) -> None:
    tests = [arg.partition("[")[0] for arg in args if "::" in arg]
    args[:] = [*(arg for arg in args if "::" not in arg), *dict.fromkeys(tests)]


def pytest_configure() -> None:
    """Hypothesis tries few examples, the same ones every time, and does not look for simpler ones."""
    settings.register_profile(
        "mutants", settings.get_profile("ci"), max_examples=EXAMPLES, phases=[Phase.explicit, Phase.generate]
    )
    settings.load_profile("mutants")
