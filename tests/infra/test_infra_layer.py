"""The layer: built by pip for the functions' platform, once for a set of requirements, and whole or not at all."""

import os
import platform
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from templates import Template

from infra.wheels import LAMBDA, LayerNotBuilt, Target, installed, this_machine

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


def test_the_layer_holds_what_the_code_imports_but_not_boto3_which_lambda_brings(template: Template):
    (layer,) = template.of("Lambda::LayerVersion").values()
    packages = {file.name for file in (template.asset(layer["Content"]) / "python").iterdir()}
    assert {"aws_lambda_powertools", "pydantic"} <= packages
    assert not packages & {"boto3", "botocore", "bin", "__pycache__"}


def test_nothing_in_the_layer_depends_on_who_built_it(template: Template):
    (layer,) = template.of("Lambda::LayerVersion").values()
    assert list(template.asset(layer["Content"]).rglob("__pycache__")) == []


def test_synthesizing_again_makes_the_same_asset(template: Template, configured: Template):
    (one,) = template.of("Lambda::LayerVersion").values()
    (other,) = configured.of("Lambda::LayerVersion").values()
    assert one["Content"] == other["Content"]
