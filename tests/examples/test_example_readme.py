"""examples/README.md names every example, and every example is run by a test."""

import re
from pathlib import Path

from tests.examples.fake_aws import EXAMPLES

NAMES = {path.name for path in EXAMPLES.iterdir() if path.is_file()} - {"README.md"}


def test_the_readme_has_a_line_for_each_example_and_for_nothing_else():
    listed = re.findall(r"^\| \[`([\w.]+)`\]\(([\w.]+)\) \|", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    assert sorted(name for name, _ in listed) == sorted(NAMES)
    assert all(name == target for name, target in listed)


def test_every_example_is_run_by_a_test():
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_example_*.py"))
    for name in NAMES - {name for name in NAMES if name.endswith(".asl.json")}:
        assert re.search(rf"{re.escape(name)}|examples\.{Path(name).stem}\b", tests), name


def test_no_python_example_is_longer_than_a_page():
    for path in EXAMPLES.glob("*.py"):
        assert len(path.read_text().splitlines()) < 70, path.name
