"""The layer: built by pip for the functions' platform, once for a set of requirements, and whole or not at all."""

import ast
import json
import os
import platform
import subprocess
import sys
import zipfile
from pathlib import Path

import boto3
import botocore
import pytest
from templates import ROOT, Template

from infra import wheels
from infra.wheels import LAMBDA, SERVICES, LayerNotBuilt, Target, installed, this_machine
from tests.processes import PATIENCE

OF_THIS_MACHINE = this_machine()


def a_wheel(folder: Path, version: str) -> None:
    """Write the smallest package there can be, with a script, as pip would download it."""
    about = f"tiny-{version}.dist-info"
    files = {
        "tiny/__init__.py": f"version = {version!r}\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/entry_points.txt": "[console_scripts]\ntiny = tiny:version\n",
        f"{about}/RECORD": "",
    }
    with zipfile.ZipFile(folder / f"tiny-{version}-py3-none-any.whl", "w") as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)


@pytest.fixture
def requirements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Requirements that pip finds in a folder, and pip kept from looking anywhere else."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    a_wheel(wheels, "1.0")
    a_wheel(wheels, "2.0")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    file = tmp_path / "requirements.txt"
    file.write_text("tiny==1.0\n", encoding="utf-8")
    return file


def without_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        pytest.fail("pip ran again")

    monkeypatch.setattr(subprocess, "run", never)


def test_the_layer_holds_the_requirements_where_lambda_looks_for_them(requirements: Path, tmp_path: Path):
    layer = installed(requirements=requirements, target=OF_THIS_MACHINE, cache=tmp_path / "layers")
    assert sorted(file.name for file in (layer / "python").iterdir()) == ["tiny", "tiny-1.0.dist-info"]
    assert (layer / "python" / "tiny" / "__init__.py").read_text(encoding="utf-8") == "version = '1.0'\n"


def test_it_is_built_once(requirements: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    first = installed(requirements=requirements, target=OF_THIS_MACHINE, cache=tmp_path / "layers")
    without_pip(monkeypatch)
    assert installed(requirements=requirements, target=OF_THIS_MACHINE, cache=tmp_path / "layers") == first
    assert list((tmp_path / "layers").iterdir()) == [first]


def test_other_requirements_make_another_layer(requirements: Path, tmp_path: Path):
    first = installed(requirements=requirements, target=OF_THIS_MACHINE, cache=tmp_path / "layers")
    requirements.write_text("tiny==2.0\n", encoding="utf-8")
    second = installed(requirements=requirements, target=OF_THIS_MACHINE, cache=tmp_path / "layers")
    assert second != first
    assert (second / "python" / "tiny" / "__init__.py").read_text(encoding="utf-8") == "version = '2.0'\n"
    assert (first / "python" / "tiny" / "__init__.py").read_text(encoding="utf-8") == "version = '1.0'\n"


def test_another_target_makes_another_layer(requirements: Path, tmp_path: Path):
    other = Target(machine=OF_THIS_MACHINE.machine, python="3.99", pip_options=())
    layers = {
        installed(requirements=requirements, target=target, cache=tmp_path / "layers")
        for target in (OF_THIS_MACHINE, LAMBDA, other)
    }
    assert len(layers) == 3


def test_the_same_requirements_have_the_same_name_everywhere(requirements: Path, tmp_path: Path):
    here = installed(requirements=requirements, target=LAMBDA, cache=tmp_path / "here")
    there = installed(requirements=requirements, target=LAMBDA, cache=tmp_path / "there")
    assert here.name == there.name


def test_a_build_that_fails_says_why_and_leaves_nothing(requirements: Path, tmp_path: Path):
    requirements.write_text("tiny==1.0\nnowhere-to-be-found==1.0\n", encoding="utf-8")
    with pytest.raises(LayerNotBuilt, match=r"(?s)could not install .*nowhere-to-be-found==1\.0"):
        installed(requirements=requirements, target=OF_THIS_MACHINE, cache=tmp_path / "layers")
    assert list((tmp_path / "layers").iterdir()) == []


def test_a_build_that_is_interrupted_leaves_nothing_to_be_taken_for_a_layer(
    requirements: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def interrupted(command: tuple[str, ...], **_: object) -> None:
        half = Path(command[command.index("--target") + 1])
        half.mkdir(parents=True)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(subprocess, "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            installed(requirements=requirements, target=OF_THIS_MACHINE, cache=tmp_path / "layers")
    assert list((tmp_path / "layers").iterdir()) == []
    assert installed(requirements=requirements, target=OF_THIS_MACHINE, cache=tmp_path / "layers").is_dir()


def test_two_builds_at_once_share_the_layer_of_the_first(
    requirements: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    cache, pip = tmp_path / "layers", subprocess.run

    def overtaken(command: tuple[str, ...], **options: object) -> object:
        monkeypatch.setattr(subprocess, "run", pip)
        installed(requirements=requirements, target=OF_THIS_MACHINE, cache=cache)
        return pip(command, **options)

    monkeypatch.setattr(subprocess, "run", overtaken)
    layer = installed(requirements=requirements, target=OF_THIS_MACHINE, cache=cache)
    assert list(cache.iterdir()) == [layer]
    assert (layer / "python" / "tiny").is_dir()


def compiled(template: Template) -> set[str]:
    (layer,) = template.of("Lambda::LayerVersion").values()
    return {file.name for file in (template.asset(layer["Content"]) / "python" / "pydantic_core").glob("*.so")}


def test_in_aws_the_layer_is_for_lambdas_arm_and_python(template: Template):
    assert compiled(template) == {"_pydantic_core.cpython-313-aarch64-linux-gnu.so"}


def test_locally_the_layer_is_for_this_interpreter(local: Template):
    tag = f"cpython-{sys.version_info.major}{sys.version_info.minor}"
    (name,) = compiled(local)
    assert name.startswith(f"_pydantic_core.{tag}-")
    assert sys.platform != "linux" or platform.machine() in name


def packages_of(template: Template) -> Path:
    (layer,) = template.of("Lambda::LayerVersion").values()
    return template.asset(layer["Content"]) / "python"


def test_the_layer_holds_boto3_and_all_else_that_the_code_imports(template: Template):
    packages = {file.name for file in packages_of(template).iterdir()}
    assert {"aws_lambda_powertools", "boto3", "botocore", "cronsim", "pydantic", "tzdata"} <= packages
    assert "bin" not in packages


def test_the_functions_have_the_boto3_that_the_tests_run_with(template: Template):
    pinned = (ROOT / "lambdas" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    for package in (boto3, botocore):
        name, version = package.__name__, package.__version__
        assert f"{name}=={version}" in pinned
        assert (packages_of(template) / f"{name}-{version}.dist-info").is_dir()


def clients_made() -> set[str]:
    """Names of the services in all calls of `….client("<service>")` in the functions' code."""
    calls = (
        node
        for file in (ROOT / "lambdas").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    )
    return {
        ast.literal_eval(node.args[0])
        for node in calls
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "client"
    }


def test_the_layer_describes_the_services_that_are_called_and_no_others(template: Template):
    data = packages_of(template) / "botocore" / "data"
    assert {folder.name for folder in data.iterdir() if folder.is_dir()} == set(SERVICES) == clients_made()
    assert (data / "endpoints.json").is_file()


ALL_CLIENTS = """
import json
import os

import boto3
import botocore
import dateutil
import urllib3
import poller, inbox, digest, widget
from runwatch.wiring import wired
from runwatch.wiring_of_board import wired_board
from runwatch.wiring_of_digest import wired_for_digest

runwatch = wired()
for source in runwatch.settings.sources:
    runwatch.ports.job_runs(source)
runwatch._alerting().policies._provider()
wired_board()
wired_for_digest()
print(json.dumps([package.__file__ for package in (boto3, botocore, dateutil, urllib3)]))
"""
"""Every client that a function makes: with a role there is one for STS, too."""


def test_every_client_is_made_with_the_layer_alone(local: Template):
    """Without site-packages, as in Lambda: a package or a service that is not in the layer is found nowhere."""
    role = {"role_arn": "arn:aws:iam::123456789012:role/looking"}
    layer = packages_of(local)
    ended = subprocess.run(  # noqa: S603 - our own program
        (sys.executable, "-S", "-c", ALL_CLIENTS),
        check=False,
        timeout=PATIENCE,
        capture_output=True,
        text=True,
        env={
            **local.environment("widget"),
            **local.environment("poller"),
            "RUNWATCH_AT_SOURCES": json.dumps([role]),
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "PYTHONPATH": os.pathsep.join((str(layer), str(ROOT / "lambdas"))),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )
    assert ended.returncode == 0, ended.stderr
    assert all(Path(file).is_relative_to(layer) for file in json.loads(ended.stdout.splitlines()[-1]))


def bytecode(packages: Path) -> set[str]:
    """For which Pythons there is bytecode: `cpython-313`."""
    return {file.suffixes[-2].removeprefix(".") for file in packages.rglob("*.pyc")}


def test_bytecode_is_in_the_layer_where_this_is_the_functions_python(template: Template, local: Template):
    tag = str(sys.implementation.cache_tag)
    assert bytecode(packages_of(local)) == {tag}
    assert bytecode(packages_of(template)) == ({tag} if sys.version_info[:2] == (3, 13) else set())
    compiled = packages_of(local) / "botocore" / "__pycache__" / f"session.{tag}.pyc"
    assert int.from_bytes(compiled.read_bytes()[4:8], "little") == 0b01, "by hash, and never compared with the source"


def test_layers_with_and_without_bytecode_have_different_names(
    requirements: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    names = set()
    for python_here in ("3.12", "3.13"):
        monkeypatch.setattr(wheels, "PYTHON_HERE", python_here)
        names.add(installed(requirements=requirements, target=LAMBDA, cache=tmp_path / "layers").name)
    assert len(names) == 2


def test_synthesizing_again_makes_the_same_asset(template: Template, configured: Template):
    (one,) = template.of("Lambda::LayerVersion").values()
    (other,) = configured.of("Lambda::LayerVersion").values()
    assert one["Content"] == other["Content"]
