"""Which package an import error blames, for those whose error texts do not name it plainly."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gpudoctor.rules.framework_starts import Said, said
from gpudoctor.rules.rule import Case

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


@dataclass(frozen=True, slots=True)
class DependencyError:
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
