"""Environments with the real frameworks, installed once a test run, or once for all in GPUDOCTOR_TEST_CACHE."""

from __future__ import annotations

import fcntl
import functools
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
        with (folder / f"{environment.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the tests run in several processes
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
    certificate = _pip_settings().get("cert")
    variables = {**os.environ, **({"SSL_CERT_FILE": certificate} if certificate else {})}
    done = subprocess.run([uv.find_uv_bin(), *arguments], env=variables, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(f"uv {arguments[0]} {arguments[1]} failed: {done.stderr[-2000:]}")


@functools.cache
def _pip_settings() -> dict[str, str]:
    """Return pip's settings, from its files and the environment; uv does not read them."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    asked = subprocess.run(command, cwd=tempfile.gettempdir(), capture_output=True, text=True, check=False)
    lines = [line.partition("=") for line in asked.stdout.splitlines()]  # global.cert='...', :env:.find-links='...'
    settings = {name.rpartition(".")[2]: value.strip("'") for name, equals, value in lines if equals}
    variables = {name[4:].lower().replace("_", "-"): value for name, value in os.environ.items() if name[:4] == "PIP_"}
    return settings | variables


def _find_links() -> list[str]:
    """Return pip's find-links that hold torch's CPU wheel for this Python."""
    wheels = f"torch-*+cpu-cp{sys.version_info[0]}{sys.version_info[1]}-*.whl"
    return [link for link in _pip_settings().get("find-links", "").split() if any(Path(link).glob(wheels))]
