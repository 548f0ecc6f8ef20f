"""The rules of the code in `lambdas/`, read from its syntax: who imports whom, and who may know what time it is."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import runwatch
from tests.processes import PATIENCE

LAMBDAS = Path(runwatch.__file__).parents[1]
FILES = {
    ".".join(path.relative_to(LAMBDAS).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(LAMBDAS.rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text()) for name, path in FILES.items()}

ENTRY_POINTS = {name for name in FILES if "." not in name} - {"runwatch"}
CORE = {name for name in FILES if name.startswith("runwatch.core")}
ADAPTERS = {name for name in FILES if name.startswith("runwatch.adapters")}
WIRING = {name for name in FILES if name.startswith("runwatch.wiring")}
FLOW = FILES.keys() - ENTRY_POINTS - CORE - ADAPTERS - WIRING - {"runwatch"}

STANDARD = sys.stdlib_module_names
AWS_SDK = {"boto3", "botocore"}
IN_THE_LAYER = {"pydantic", "pydantic_core", "aws_lambda_powertools", "cronsim"}
PURE = {"pydantic", "pydantic_core", "cronsim"}
"""What the core may use of it."""


def imports(name: str) -> Iterator[str]:
    """Modules that this one imports anywhere: at its top, in a function, or for its types only."""
    for node in ast.walk(TREES[name]):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(module), level=0):
                for alias in node.names:
                    part = f"{module}.{alias.name}"
                    yield part if part in FILES else module
            case ast.ImportFrom():
                pytest.fail(f"{name} imports relatively")


def _package(module: str) -> str:
    return module.partition(".")[0]


def _strangers(name: str, *, packages: set[str], modules: set[str]) -> set[str]:
    """What a module imports beyond the standard library, these packages and these modules of ours."""
    return {module for module in imports(name) if _package(module) not in STANDARD | packages and module not in modules}


def test_the_parts_are_those_that_the_rules_speak_of():
    assert {"poller", "inbox", "digest", "widget"} == ENTRY_POINTS
    assert {"runwatch.tick", "runwatch.sighting", "runwatch.ports", "runwatch.errors", "runwatch.settings"} <= FLOW
    assert {"runwatch.core.decide", "runwatch.core.messages"} <= CORE
    assert {"runwatch.adapters.emr", "runwatch.adapters.table"} <= ADAPTERS


@pytest.mark.parametrize("name", sorted(CORE))
def test_the_core_imports_the_standard_library_what_is_pure_and_itself(name: str):
    assert not _strangers(name, packages=PURE, modules=CORE)


@pytest.mark.parametrize("name", sorted(FLOW))
def test_the_flow_imports_the_core_and_the_flow(name: str):
    assert not _strangers(name, packages={"pydantic"}, modules=CORE | FLOW)


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_an_adapter_knows_no_other_adapter_and_nobody_who_wires_it(name: str):
    aws_types = {package for package in map(_package, imports(name)) if package.startswith("mypy_boto3_")}
    assert not _strangers(name, packages=AWS_SDK | IN_THE_LAYER | aws_types, modules=CORE | FLOW)


@pytest.mark.parametrize("name", sorted(ENTRY_POINTS))
def test_an_entry_point_knows_the_wiring_and_the_core(name: str):
    assert not _strangers(name, packages=IN_THE_LAYER, modules=CORE | WIRING)


@pytest.mark.parametrize("name", sorted(FILES.keys() - WIRING))
def test_only_the_wiring_imports_adapters(name: str):
    assert not ADAPTERS & set(imports(name))


@pytest.mark.parametrize("name", sorted(FILES))
def test_nothing_that_is_deployed_imports_what_is_not(name: str):
    allowed = STANDARD | AWS_SDK | IN_THE_LAYER | {"runwatch"}
    assert {package for package in map(_package, imports(name)) if not package.startswith("mypy_boto3_")} <= allowed


@pytest.mark.parametrize("name", sorted(FILES))
def test_types_of_boto3_are_for_the_type_checker_only(name: str):
    """They are not in the layer: an import at run time would fail there."""
    for node in TREES[name].body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            assert "mypy_boto3" not in ast.unparse(node)


def test_no_import_goes_in_a_circle():
    graph = {name: {module for module in imports(name) if module in FILES} for name in FILES}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"a circle: {error.args[1]}")


CLOCKS_AND_SURROUNDINGS = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "os.environ",
    "os.getenv",
    "os.environb",
    "time.time",
    "time.time_ns",
    "time.monotonic",
    "time.monotonic_ns",
    "time.perf_counter",
    "time.gmtime",
    "time.localtime",
    "time.sleep",
}


def _named(tree: ast.AST) -> set[str]:
    """Every `a.b` that is written, with what stands before it left away."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=attribute, value=ast.Name(id=owner) | ast.Attribute(attr=owner)):
                found.add(f"{owner}.{attribute}")
            case ast.ImportFrom(module=str(module)):
                found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("name", sorted(FILES.keys() - WIRING))
def test_only_the_wiring_knows_the_time_and_the_environment(name: str):
    assert not _named(TREES[name]) & CLOCKS_AND_SURROUNDINGS
    assert not {"time", "os"} & set(imports(name))


def test_the_wiring_does_know_them():
    """Else the test above would look for the wrong names."""
    assert {"datetime.now", "time.monotonic", "os.environ"} <= _named(TREES["runwatch.wiring"])


@pytest.mark.parametrize("name", sorted(FILES))
def test_nothing_is_left_to_chance(name: str):
    assert not {"random", "uuid", "secrets"} & set(map(_package, imports(name)))


@pytest.mark.parametrize("name", sorted(FILES))
def test_no_error_is_caught_without_being_named(name: str):
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None
            assert not {"Exception", "BaseException"} & set(ast.unparse(node.type).strip("()").split(", "))


@pytest.mark.parametrize(
    "package", ["runwatch", "runwatch.core", "runwatch.core.alerts", "runwatch.core.board", "runwatch.core.digest"]
)
def test_the_map_of_a_package_names_every_module_in_it(package: str):
    text = ast.get_docstring(TREES[package]) or ""
    modules = {name.removeprefix(f"{package}.") for name in FILES if name.startswith(f"{package}.")}
    here = {module for module in modules if "." not in module}
    assert {
        module
        for module in here
        if f"{module}.py" not in text and f"{module} " not in text and f"{module}/" not in text
    } == set()


ALERTING = {
    name
    for name in FILES
    if name.startswith("runwatch.core.alerts")
    or name.removeprefix("runwatch.") in {"alerting", "books", "stored_alerts", "adapters.books"}
}


LOOKING_BACK = {
    name
    for name in FILES
    if name.startswith(("runwatch.core.board", "runwatch.core.digest", "runwatch.wiring_of_"))
    or name.removeprefix("runwatch.") in {"widget", "digest", "board", "adapters.figures", "adapters.inbox_queue"}
}


@pytest.mark.parametrize(
    ("names", "at_most"),
    [(FILES.keys() - ALERTING - LOOKING_BACK, 5300), (ALERTING, 4450), (LOOKING_BACK, 5300)],
    ids=["watching", "alerting", "looking back"],
)
def test_the_deployed_code_stays_small(names: set[str], at_most: int):
    """Lines of code: what explains it costs nothing to run and little to read. Half of alerting is tables and words."""
    assert sum(len(_lines_of_code(TREES[name])) for name in names) < at_most


def _lines_of_code(tree: ast.Module) -> set[int]:
    """Without blank lines, comments and texts that nobody uses, such as docstrings."""
    texts = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    used = (node for node in ast.walk(tree) if hasattr(node, "lineno") and id(node) not in texts)
    return {
        line
        for node in used
        if not (isinstance(node, ast.Expr) and id(node.value) in texts)
        for line in (node.lineno, node.end_lineno or node.lineno)
    }


IMPORTING = """
import json, os, socket

read = []

class Recorded(dict):
    def __getitem__(self, name):
        read.append(name)
        return super().__getitem__(name)
    def get(self, name, default=None):
        read.append(name)
        return super().get(name, default)
    def __contains__(self, name):
        read.append(name)
        return super().__contains__(name)

os.environ = Recorded()
os.getenv = os.environ.get

def no_network(*_):
    raise AssertionError("a connection while importing")

socket.socket.connect = no_network

import boto3

def no_client(*_, **__):
    raise AssertionError("a client while importing")

boto3.client = boto3.resource = no_client

import poller, inbox, digest, widget

assert boto3.DEFAULT_SESSION is None
print(json.dumps({"read": read, "from": [each.__file__ for each in (poller, inbox, digest, widget)]}))
"""


def test_importing_the_entry_points_touches_no_aws_and_reads_none_of_our_environment(tmp_path: Path):
    """Only Powertools looks for its own variables."""
    done = subprocess.run(  # noqa: S603 - this Python, this text
        [sys.executable, "-W", "error", "-c", IMPORTING],
        env={"PYTHONPATH": str(LAMBDAS), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["from"] == [str(LAMBDAS / f"{each}.py") for each in ("poller", "inbox", "digest", "widget")]
    ours = ("RUNWATCH_", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS", "AWS_SECRET", "AWS_PROFILE", "AWS_ENDPOINT")
    assert [name for name in found["read"] if name.startswith(ours)] == []
