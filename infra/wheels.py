"""Installs the functions' dependencies into a directory, as Lambda wants a Python layer, without Docker.

pip fetches ready-made wheels for the platform that the functions run on, whatever platform this is. What it made is
kept under a name derived from all that decides its content, so pip runs once for a set of requirements, and
synthesizing again needs no network. A directory appears under its name only when it is complete: a build that fails
or is interrupted leaves nothing that the next one could take for a layer.

botocore describes 430 services, which is most of its size, and lists them all when it makes a client. The layer keeps
those that the functions call.

In Lambda a layer cannot be written to, so what has no bytecode is compiled at every start of a container. Bytecode is
for one version of Python: the layer has it where this interpreter's version is that of the functions.
"""

import compileall
import hashlib
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path
from py_compile import PycInvalidationMode

__all__ = ["LAMBDA", "SERVICES", "LayerNotBuilt", "Target", "installed", "this_machine"]

PYTHON_OF_LAMBDA = "3.13"
"""The Python that the functions run on in AWS."""

SERVICES = ("cloudwatch", "dynamodb", "emr-serverless", "sns", "sqs", "ssm", "sts")
"""The AWS services for which the functions make clients, by boto3's names."""

PYTHON_HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
RECIPE = "2"
"""To be raised when `installed` makes something else of the same requirements, so that no old layer is taken for it."""


class LayerNotBuilt(Exception):
    """pip failed. The text is pip's own output, which says why."""


@dataclass(frozen=True)
class Target:
    """What the functions run on."""

    machine: str
    """The processor, as `platform.machine()` names it."""
    python: str
    pip_options: tuple[str, ...]

    @property
    def runs_this_bytecode(self) -> bool:
        return self.python in (PYTHON_HERE, this_machine().python)


LAMBDA = Target(
    machine="aarch64",
    python=PYTHON_OF_LAMBDA,
    pip_options=(
        *("--platform", "manylinux2014_aarch64"),
        *("--implementation", "cp"),
        *("--python-version", PYTHON_OF_LAMBDA),
    ),
)


def this_machine() -> Target:
    """Build for the interpreter that runs this: the local emulator runs the functions with it."""
    return Target(
        machine=platform.machine(), python=f"{sysconfig.get_platform()} {sys.implementation.cache_tag}", pip_options=()
    )


def installed(*, requirements: Path, target: Target, cache: Path) -> Path:
    """Give the directory that holds `python/` with the requirements in it, building it if it is not there yet.

    The directory's name is a hash of the requirements and the target, the same on every machine. Raises LayerNotBuilt.
    """
    pinned = requirements.read_text(encoding="utf-8")
    bytecode = "bytecode" if target.runs_this_bytecode else "sources"
    decides = "\n".join((RECIPE, bytecode, pinned, target.machine, target.python, *target.pip_options, *SERVICES))
    complete = cache / hashlib.sha256(decides.encode()).hexdigest()[:32]
    if complete.is_dir():
        return complete
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".building-") as scratch:
        building = Path(scratch) / "layer"
        _install(requirements, target, into=building / "python")
        try:
            building.rename(complete)
        except OSError:
            # Somebody else built the same layer meanwhile: theirs is as good as ours.
            if not complete.is_dir():
                raise
    return complete


def _install(requirements: Path, target: Target, *, into: Path) -> None:
    # --no-deps: the requirements are a complete, locked list; what is not in it has no pinned version and stays out.
    options = ("--quiet", "--no-input", "--no-compile", "--no-deps", "--only-binary=:all:", *target.pip_options)
    command = (sys.executable, "-m", "pip", "install", *options, "--target", str(into), "-r", str(requirements))
    # Our own interpreter with arguments of ours: nothing in the command comes from outside.
    pip = subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # noqa: S603
    if pip.returncode != 0:
        raise LayerNotBuilt(f"pip could not install {requirements} for the functions' layer:\n{pip.stdout}")
    # Scripts carry the path of the interpreter that built them, and caches its version: neither belongs in a layer.
    shutil.rmtree(into / "bin", ignore_errors=True)
    for cached in into.rglob("__pycache__"):
        shutil.rmtree(cached)
    for service in into.glob("botocore/data/*/"):
        if service.is_dir() and service.name not in SERVICES:
            shutil.rmtree(service)
    if target.runs_this_bytecode:
        # Nothing in the files says when they were made, and Lambda does not compare them with the sources.
        compileall.compile_dir(into, quiet=2, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
