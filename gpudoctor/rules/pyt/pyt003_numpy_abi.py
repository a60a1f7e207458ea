"""A package was compiled for another NumPy than the one that is installed.

## What is wrong
Compiled packages use NumPy's binary interface, and NumPy 2 changed it. A package built against NumPy 1 cannot work with
NumPy 2: "A module that was compiled using NumPy 1.x cannot be run in NumPy 2", "_ARRAY_API not found". The
reverse, and two NumPy builds that differ in their structures, show as "numpy.dtype size changed, may indicate binary
incompatibility". torch then still starts, and every exchange with NumPy fails.

## Why it happens
- `pip install` of something else brought NumPy 2 beside a framework from before it.
- In a running notebook NumPy was exchanged without a restart of the kernel.
- pip and conda both installed a NumPy.

## How to fix
Either a framework that was built for NumPy 2 (better), or NumPy below 2. In a notebook, restart the kernel afterwards:
the old module stays in memory.

## Easily confused with
- Other packages at a refused version (PYT004).

## References
- NumPy, "NumPy 2.0 migration guide": binary compatibility.
- NumPy, "Troubleshooting ImportError".
"""

from __future__ import annotations

import re

from gpudoctor.facts.environment import Package
from gpudoctor.findings.finding import Evidence, Finding, Fix, Severity
from gpudoctor.knowledge.numpy_abi import supports_numpy_2
from gpudoctor.knowledge.versions import major_of
from gpudoctor.rules.advice.python import new_environment, pip_install
from gpudoctor.rules.readings.framework_starts import framework_of, framework_packages, require_starts, said
from gpudoctor.rules.rule import Case, Scope, rule

_TEXT = re.compile(
    r"_ARRAY_API not found|compiled using NumPy 1\.x cannot be run in|numpy\.(?:dtype|ndarray|ufunc) size changed"
    r"|module compiled against (?:API|ABI) version"
)
_NUMPY_2 = 2


@rule("PYT003", Severity.ERROR, Scope.ENVIRONMENT, hides=("PYT004", "PYT011"))
def numpy_abi(case: Case) -> Finding | None:
    environment = case.environment
    frameworks = framework_packages(environment)
    numpy = environment.package("numpy")
    text = said(case, _TEXT)
    if text is not None:
        message = (
            f"{text.run.framework} and numpy {numpy.version if numpy else ''} differ in their interface: {text.line}"
        )
        evidence = (text.fact, Evidence(fact="packages.numpy", value=numpy.version if numpy else "", source="metadata"))
        return Finding(message=message, evidence=evidence, fixes=_fixes(case, text.run.framework))
    if numpy is None or (major_of(numpy.version) or 0) < _NUMPY_2:
        return None
    wheels = [package for package in frameworks if package.installer != "conda"]  # conda rebuilds old releases
    for package in wheels:
        if _serves(case, package) is False:
            return Finding(
                message=f"{package.name} {package.version} is compiled for NumPy 1, and {numpy.version} is installed",
                evidence=(
                    Evidence(fact="packages.numpy", value=numpy.version, source="metadata"),
                    Evidence(fact=f"packages.{package.name}", value=package.version, source="metadata"),
                ),
                fixes=_fixes(case, framework_of(package.name) or package.name),
            )
    if any(_serves(case, package) is None for package in wheels):
        require_starts(case)
    return None


def _serves(case: Case, package: Package) -> bool | None:
    platform = "windows" if case.system.os_name.peek() == "Windows" else "linux"
    return supports_numpy_2(package.name, package.version, platform)


def _fixes(case: Case, framework: str) -> tuple[Fix, ...]:
    numpy = case.environment.package("numpy")
    is_old = numpy is not None and (major_of(numpy.version) or 0) < _NUMPY_2
    other, title = (">=", "Go on to NumPy 2") if is_old else ("<", "Go back to NumPy 1")
    exchange = pip_install(case.environment, [f"numpy{other}{_NUMPY_2}"], title=title, upgrade=False)
    return (exchange, new_environment(case, framework))
