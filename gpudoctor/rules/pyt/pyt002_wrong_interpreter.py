"""The framework that this interpreter sees belongs to another interpreter.

## What is wrong
Each interpreter has its own folder of packages, with its version in the name (`lib/python3.10/site-packages`). Here
the framework lies in the folder of another Python version and is reached by PYTHONPATH or a `.pth` file. Its compiled
parts do not fit, and what one `pip` installs, the other Python does not see.

## Why it happens
- PYTHONPATH is set in a shell profile, by ROS, by a module system or by an IDE.
- `pip` and `python` on PATH are of two installations; `python -m pip` never goes astray.
- Packages were installed with `pip --target`, or a folder was copied.

## How to fix
Take the foreign folder out of PYTHONPATH, and install the framework into the environment that runs.

## Easily confused with
- A Jupyter kernel that runs another environment (JUP002).
- A wheel for another Python version in this environment's own folder (PYT001).

## References
- Python documentation, "Command line and environment": PYTHONPATH.
- Python documentation, module `site`: `.pth` files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gpudoctor.facts.environment import Environment, Package
from gpudoctor.findings.finding import Evidence, Finding, Severity
from gpudoctor.knowledge.versions import minor_of
from gpudoctor.rules.advice.cuda import unset
from gpudoctor.rules.advice.python import new_environment
from gpudoctor.rules.readings.framework_starts import framework_of, framework_packages, has_imported
from gpudoctor.rules.rule import Case, Scope, rule

_FOLDER = re.compile(r"python(\d\.\d+)t?/(?:site|dist)-packages|Python(\d)(\d+)[\\/]Lib")


@rule("PYT002", Severity.ERROR, Scope.ENVIRONMENT, hides=("PYT004", "PYT011"))
def wrong_interpreter(case: Case) -> Finding | None:
    environment = case.environment
    stranger = next(_strangers(environment), None)
    if stranger is None:
        return None
    package, owner = stranger
    version = environment.python_version.need()
    return Finding(
        message=f"{package.name} {package.version} belongs to Python {owner}, and the environment runs {version}",
        evidence=(
            environment.python_version,
            Evidence(fact=f"packages.{package.name}", value=package.location, source=environment.packages.source),
            case.system.variables,
        ),
        fixes=(
            unset(case, "PYTHONPATH", "which brings the packages of the other Python"),
            new_environment(case, framework_of(package.name) or package.name),
        ),
    )


def _strangers(environment: Environment) -> Iterator[tuple[Package, str]]:
    for package in framework_packages(environment):
        match = _FOLDER.search(package.location)
        owner = (match[1] or f"{match[2]}.{match[3]}") if match else ""
        is_other = owner and owner != minor_of(environment.python_version.need())
        if is_other and not has_imported(environment, framework_of(package.name) or ""):
            yield package, owner
