"""What goes unnoticed is held against docs/mutation.md, row by row. mutmut itself is run by `make mutation`."""

import re
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

import runwatch
from mutation.__main__ import LIST, Mutant, faults_of, row_of, rows_in, table
from mutation.quickly import pytest_load_initial_conftests

CORE = Path(runwatch.__file__).parent / "core"
KILLED = [Mutant("links.py", "killed", "")] * 97
DIFF = """\
--- runwatch/core/links.py
+++ runwatch/core/links.py
@@ -1,3 +1,3 @@
 def console_of(run: RunId) -> str:
-    return a | b
+    return a & b"""
ROW = r"| `links.py` | `console_of` | `return a \| b` → `return a & b` |"


def _survivor(outcome: str = "survived", row: str = ROW) -> Mutant:
    return Mutant("links.py", outcome, row)


def test_a_change_is_named_by_file_function_and_lines():
    assert row_of("links.py", "runwatch.core.links.x_console_of__mutmut_7", DIFF) == ROW


def test_a_method_is_named_with_its_class():
    assert row_of("ids.py", "runwatch.core.ids.xǁRunIdǁparse__mutmut_1", DIFF).startswith(
        "| `ids.py` | `RunId.parse` |"
    )


def test_lines_that_are_left_out_leave_nothing_and_a_backtick_stays_within_the_code():
    dropped = '--- a\n+++ b\n@@ -1,4 +1,2 @@\n def f():\n-    case "`":\n-        pass\n     return 1'
    assert row_of("f.py", "runwatch.core.f.x_f__mutmut_1", dropped) == '| `f.py` | `f` | ``case "`": pass`` → nothing |'


def test_a_survivor_that_is_listed_with_a_reason_is_no_fault():
    assert faults_of([*KILLED, _survivor()], f"| file | … |\n| --- | --- |\n{ROW} it changes nothing |\n") == []


@pytest.mark.parametrize("document", ["", ROW, f"{ROW}  |", ROW.replace("links", "ids") + " it changes nothing |"])
@pytest.mark.parametrize("outcome", ["survived", "no tests", "suspicious", "not checked"])
def test_what_goes_unnoticed_for_whatever_cause_and_is_not_listed_with_a_reason_is_a_fault(document: str, outcome: str):
    assert f"not in mutation.md: {ROW}" in faults_of([*KILLED, _survivor(outcome)], document)


def test_the_same_change_in_two_places_is_listed_twice():
    once = f"{ROW} it changes nothing |\n"
    assert faults_of([*KILLED, _survivor(), _survivor()], once) == [f"not in mutation.md: {ROW}"]
    assert faults_of([*KILLED, _survivor(), _survivor()], once * 2) == []


def test_a_row_whose_change_is_noticed_by_now_is_a_fault():
    document = f"{ROW} it changes nothing |\n"
    assert faults_of(KILLED, document) == [f"in mutation.md, but noticed or gone: {ROW}"]
    assert faults_of([*KILLED, _survivor("timeout", "")], document) == [f"in mutation.md, but noticed or gone: {ROW}"]


@pytest.mark.parametrize(("unnoticed", "faults"), [(10, []), (11, ["less than 90 % is noticed"])])
def test_nine_of_ten_have_to_be_noticed_however_many_are_listed(unnoticed: int, faults: list[str]):
    mutants = [*KILLED[: 100 - unnoticed], *[_survivor()] * unnoticed]
    assert faults_of(mutants, f"{ROW} it changes nothing |\n" * unnoticed) == faults


def test_the_table_counts_every_outcome_by_file_and_in_all():
    shown = StringIO()
    mutants = [*KILLED, _survivor(), _survivor("no tests"), _survivor("timeout", ""), Mutant("ids.py", "killed", "")]
    Console(width=120, file=shown).print(table(mutants))
    cells = [re.findall(r"[\w.%]+", line) for line in shown.getvalue().splitlines()]
    assert ["links.py", "100", "97", "1", "1", "1", "98.0%"] in cells
    assert ["ids.py", "1", "1", "0", "0", "0", "100.0%"] in cells
    assert ["all", "101", "98", "1", "1", "1", "98.0%"] in cells


def test_a_test_is_asked_for_once_and_with_all_its_parameters():
    args = [
        "-x",
        "-p",
        "a",
        "t/a.py::test_one[a::b-1]",
        r"t/a.py::test_two['\x00']",
        "t/a.py::test_one[2]",
        "-p",
        "b",
        "t",
    ]
    pytest_load_initial_conftests(args)
    assert args == ["-x", "-p", "a", "-p", "b", "t", "t/a.py::test_one", "t/a.py::test_two"]


@pytest.mark.parametrize("row", rows_in(LIST.read_text()))
def test_what_the_page_says_to_be_changed_is_in_the_core(row: str):
    file, function, change = re.split(r"(?<!\\) \| ", row.strip("| "))
    source = " ".join((CORE / file.strip("`")).read_text().split())
    assert f"def {function.strip('`').rpartition('.')[2]}(" in source
    assert change.partition(" → ")[0].strip("`").replace(r"\|", "|") in source
