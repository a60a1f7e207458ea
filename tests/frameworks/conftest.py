"""Environments with the real frameworks, installed once a test run, or once for all in GPUDOCTOR_TEST_CACHE."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import uv

from gpudoctor.facts.environment import Environment
from gpudoctor.probes.environments import probe_environment
from gpudoctor.probes.host import Host
from gpudoctor.probes.targets import ProbeOptions, Target

_PYTORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
_DONE = "gpudoctor-test-complete"
_IMPORT_SECONDS = 120.0  # a first import compiles thousands of files, on machines that do other work as well

Install = Callable[[str, tuple[str, ...]], Path]


@pytest.fixture(scope="session")
def install(tmp_path_factory: pytest.TempPathFactory) -> Install:
    """Return a function that makes the environment NAME with requirements, unless an earlier run has made it."""
    cache = os.environ.get("GPUDOCTOR_TEST_CACHE")
    folder = Path(cache) if cache else tmp_path_factory.getbasetemp().parent / "frameworks"
    folder.mkdir(parents=True, exist_ok=True)

    def make(name: str, requirements: tuple[str, ...]) -> Path:
        environment = folder / f"{name}-py{sys.version_info[0]}{sys.version_info[1]}"
        if not (environment / _DONE).exists():
            run_uv("venv", "--clear", "--python", sys.executable, str(environment))
            run_uv("pip", "install", "--compile-bytecode", "--python", str(environment), *requirements)
            (environment / _DONE).touch()
        return environment

    return make


@pytest.fixture(scope="session")
def torch_cpu(install: Install) -> Path:
    """PyTorch's CPU wheel; from pip's own find-links where they hold it, else from PyTorch's index."""
    links = _find_links()
    source = (*(f"--find-links={link}" for link in links),) if links else (f"--extra-index-url={_PYTORCH_CPU_INDEX}",)
    return install("torch-cpu", ("torch==2.13.0+cpu", "numpy", *source))


@pytest.fixture(scope="session")
def tensorflow(install: Install) -> Path:
    """The ordinary TensorFlow package: built for CUDA, without CUDA's libraries beside it."""
    return install("tensorflow", ("tensorflow==2.21.0",))


Look = Callable[..., Environment]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """Return a function that probes an environment folder as `check --python FOLDER` does."""

    def probe(folder: Path, *, no_import: bool = False, deep: bool = False, **variables: str) -> Environment:
        host = Host(variables={**os.environ, **variables}, timeout_seconds=_IMPORT_SECONDS)
        options = ProbeOptions(no_import=no_import, deep=deep, working_directory=tmp_path)
        return probe_environment(host, Target(str(folder / "bin/python"), "--python"), options)

    return probe


def run_uv(*arguments: str) -> None:
    """Run uv to its end; a failure is the test's."""
    done = subprocess.run([uv.find_uv_bin(), *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(f"uv {arguments[0]} {arguments[1]} failed: {done.stderr[-2000:]}")


def _find_links() -> list[str]:
    """Return pip's find-links that hold a torch wheel; uv does not read pip's configuration."""
    command = [sys.executable, "-m", "pip", "config", "get", "global.find-links"]
    asked = subprocess.run(command, cwd=tempfile.gettempdir(), capture_output=True, text=True, check=False)
    links = [*os.environ.get("PIP_FIND_LINKS", "").split(), *asked.stdout.split()]
    return [link for link in dict.fromkeys(links) if any(Path(link).glob("torch-*+cpu-*.whl"))]
