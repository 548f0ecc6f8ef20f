"""`make mutation`: break the core in small ways, one at a time, and see whether a test notices.

mutmut names a module after its path, and the tests import `runwatch.…`; so it runs in a folder of links in which
`runwatch` lies at the top. What no test notices has to stand in docs/mutation.md, with the reason why it changes
nothing. Exit code 1 if anything else goes unnoticed, if what stands there does not, or if less than 90 % is noticed.
"""

import contextlib
import json
import re
import resource
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mutmut.configuration import config
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files
from mutmut.utils.format_utils import orig_function_and_class_names_from_key
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".mutation"
LINKED = ("lambdas/runwatch", "tests", "docs", "pyproject.toml")
LIST = ROOT / "docs" / "mutation.md"
ENOUGH = 90
"""Percent."""
MEMORY = 4 * 1024**3
"""Bytes that a mutant may use, before it fails for want of more; some would take all there are."""
NOTICED = {"killed", "timeout"}


@dataclass(frozen=True)
class Mutant:
    file: str
    outcome: str
    row: str
    """How docs/mutation.md names it, but for the reason."""


def main() -> int:
    screen = Console()
    _arrange()
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    mutmut = Path(sys.executable).with_name("mutmut")
    done = subprocess.run([mutmut, "run"], cwd=FOLDER, check=False)  # noqa: S603 - no words of others
    if done.returncode:
        return done.returncode
    screen.print("Running the same tests with nothing broken")
    control = _control()
    if control.returncode:
        screen.out(control.stdout, highlight=False)
        screen.out("They fail, so that what they noticed means nothing.", highlight=False)
        return 1
    mutants = found()
    screen.print(table(mutants))
    faults = faults_of(mutants, LIST.read_text())
    for fault in faults:
        screen.out(fault, highlight=False)
    return 1 if faults else 0


def _arrange() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    for path in LINKED:
        (FOLDER / Path(path).name).symlink_to(ROOT / path)


def _control() -> subprocess.CompletedProcess[str]:
    """The same tests, by the same ids, with nothing broken.

    mutmut takes every failure of a worker for a kill, even if pytest did not find the tests that it was given.
    """
    tests = json.loads((FOLDER / "mutants" / "mutmut-stats.json").read_text())["duration_by_test"]
    with contextlib.chdir(FOLDER):
        command = [sys.executable, "-m", "pytest", "-x", "-q", *config().pytest_add_cli_args, *tests]
    return subprocess.run(  # noqa: S603 - the ids of our own tests
        command, cwd=FOLDER / "mutants", check=False, capture_output=True, text=True
    )


def found() -> list[Mutant]:
    """Every mutant of the last run. Only for those that went unnoticed it is worked out what was changed."""
    mutants = []
    with contextlib.chdir(FOLDER):
        for path in walk_mutatable_files():
            results = SourceFileMutationData(path=path)
            results.load()
            for name, exit_code in results.exit_code_by_key.items():
                outcome = status_by_exit_code[exit_code]
                row = "" if outcome in NOTICED else row_of(path.name, name, get_diff_for_mutant(name, path=path))
                mutants.append(Mutant(path.name, outcome, row))
    return mutants


def row_of(file: str, mutant: str, diff: str) -> str:
    """`file`, `function` and change: a mutant's own number is another after every edit of the function."""
    function, owner = orig_function_and_class_names_from_key(mutant)
    lines = diff.splitlines()[2:]
    before, after = (_code(" ".join(line[1:].strip() for line in lines if line.startswith(sign))) for sign in "-+")
    return f"| `{file}` | `{f'{owner}.' if owner else ''}{function}` | {before} → {after} |"


def _code(text: str) -> str:
    text = text.replace("|", r"\|")
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}" if text else "nothing"


def table(mutants: list[Mutant]) -> Table:
    shown = Table(title="Mutants of the core, and whether a test noticed them", show_footer=True)
    shown.add_column("file", footer="all")
    for heading, total in _counted(mutants).items():
        shown.add_column(heading, footer=total, justify="right")
    for file in sorted({mutant.file for mutant in mutants}):
        shown.add_row(file, *_counted([mutant for mutant in mutants if mutant.file == file]).values())
    return shown


def _counted(mutants: list[Mutant]) -> dict[str, str]:
    outcomes = Counter(mutant.outcome for mutant in mutants)
    whole, untested = outcomes.total(), outcomes["no tests"]
    noticed = sum(outcomes[outcome] for outcome in NOTICED)
    return {
        "mutants": str(whole),
        "killed": str(outcomes["killed"]),
        "timeout": str(outcomes["timeout"]),
        "survived": str(whole - noticed - untested),
        "no tests": str(untested),
        "noticed": f"{noticed / whole:.1%}",
    }


def faults_of(mutants: list[Mutant], document: str) -> list[str]:
    """What is not as docs/mutation.md has it, and whether too few mutants were noticed."""
    unnoticed = Counter(mutant.row for mutant in mutants if mutant.outcome not in NOTICED)
    listed = Counter(rows_in(document))
    faults = [f"not in {LIST.name}: {row}" for row in (unnoticed - listed).elements()]
    faults += [f"in {LIST.name}, but noticed or gone: {row}" for row in (listed - unnoticed).elements()]
    if 100 * (len(mutants) - unnoticed.total()) < ENOUGH * len(mutants):
        faults.append(f"less than {ENOUGH} % is noticed")
    return faults


def rows_in(document: str) -> list[str]:
    """The rows of its table, each without its last cell, which is the reason."""
    return [row[1] for row in re.finditer(r"^(\| `.*\|) [^|]+ \|$", document, re.MULTILINE)]


if __name__ == "__main__":
    sys.exit(main())
