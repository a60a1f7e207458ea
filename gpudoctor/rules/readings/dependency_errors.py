"""Which packages a framework cannot load or refuses: by its import error, and by what its metadata requires."""

from __future__ import annotations

import re

import msgspec

from gpudoctor.findings.finding import Severity
from gpudoctor.rules.readings.framework_starts import (
    Said,
    failed_to_import,
    framework_of,
    framework_packages,
    has_imported,
    said,
)
from gpudoctor.rules.readings.nvidia_wheels import is_nvidia
from gpudoctor.rules.readings.requirements import Broken, broken_requirements
from gpudoctor.rules.rule import Case

_OTHER_CODES = ("numpy", "torch", "keras", "tf-keras", "keras-nightly", "triton", "pytorch-triton")
# What is said, the distribution that is to blame, and what to install where the framework's metadata gives no bound.
_BLAMED = (
    (re.compile(r"Descriptors cannot (?:not )?be created directly"), "protobuf", "protobuf<4"),
    (re.compile(r"cannot import name 'runtime_version' from 'google\.protobuf'"), "protobuf", "protobuf>=5"),
    (re.compile(r"Detected (?:incompatible|mismatched) Protobuf Gencode/Runtime"), "protobuf", "protobuf"),
    (re.compile(r"cannot import name '\w+' from 'typing_extensions'"), "typing-extensions", "typing-extensions"),
    (re.compile(r"undefined symbol: iJIT_\w+"), "mkl", "mkl<2024.1"),
    (
        re.compile(r"cannot import name '\w+' from 'ml_dtypes'|module 'ml_dtypes' has no attribute"),
        "ml-dtypes",
        "ml-dtypes",
    ),
    (re.compile(r"h5py[^\n]{0,60}(?:HDF5|version mismatch)"), "h5py", "h5py"),
)


class DependencyError(msgspec.Struct, frozen=True):
    """A package that a framework could not load, its installed version, and what to install instead."""

    said: Said
    package: str
    version: str  # "" = not in the metadata
    wanted: str


def dependency_error(case: Case) -> DependencyError | None:
    """Return the first blame in what the environment's frameworks said when their import failed."""
    for pattern, name, wanted in _BLAMED:
        text = said(case, pattern, only_failed=True)
        if text is not None:
            return DependencyError(text, name, _version(case, name), wanted)
    return None


def _version(case: Case, name: str) -> str:
    environment = case.environment
    conda = {package.name: package.version for package in environment.conda_packages.peek() or ()}
    return {package.name: package.version for package in environment.packages.peek() or ()}.get(
        name, conda.get(name, "")
    )


def declared_conflicts(case: Case) -> list[Broken]:
    """Return what frameworks require of packages that are there at another version, less those of other codes."""

    def concerns(name: str) -> bool:
        return name not in _OTHER_CODES and not is_nvidia(name) and framework_of(name) is None

    broken = broken_requirements(case.environment, framework_packages(case.environment), concerns)
    return [item for item in broken if item.installed is not None]


def severity_of(case: Case, conflict: Broken) -> Severity:
    """Weigh a declared conflict: another major is worse, and a framework that was imported has shown that it can."""
    framework = framework_of(conflict.by.name) or conflict.by.name
    if has_imported(case.environment, framework):
        return Severity.WARNING if conflict.is_far else Severity.INFO
    run = case.environment.run(framework)
    is_explanation = run is None or failed_to_import(run)
    return Severity.ERROR if conflict.is_far and is_explanation else Severity.WARNING
