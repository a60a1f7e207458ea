"""The dead package tensorflow-gpu brings nothing, or an old copy of TensorFlow.

## What is wrong
`tensorflow-gpu` was the GPU variant before both became one package. Its last releases contain nothing but an error
message, and its older ones own the same folder as `tensorflow`: beside each other, each overwrites the other's files.

## Why it happens
Old guides, requirements files and Docker images still name it.

## How to fix
Remove it, and install `tensorflow[and-cuda]`, which brings the CUDA libraries as well.

## When this is harmless
An old `tensorflow-gpu` that stands alone, with the CUDA of its time, still works; that is reported as information.

## Easily confused with
- conda's `tensorflow-gpu` is a living metapackage and not meant here.

## References
- Package index, page of tensorflow-gpu: the notice of its removal.
- TensorFlow, "Install TensorFlow with pip".
"""

from __future__ import annotations

from gpudoctor.findings.finding import Evidence, Finding, Severity
from gpudoctor.rules.advice.python import install_tensorflow, pip_uninstall
from gpudoctor.rules.readings.framework_starts import has_imported
from gpudoctor.rules.rule import Case, Scope, rule

_NAME = "tensorflow-gpu"


@rule("TFL003", Severity.ERROR, Scope.ENVIRONMENT, hides=("PYT003", "PYT004", "PYT007", "PYT011"))
def tensorflow_gpu_package(case: Case) -> Finding | None:
    environment = case.environment
    package = environment.package(_NAME)
    if package is None or package.installer == "conda":
        return None
    other = environment.package("tensorflow")
    build = environment.tensorflow.read()
    if build is None:
        said, severity = "and no TensorFlow came with it", Severity.ERROR
    elif other and other.version != package.version:
        said, severity = f"and overwrites files of tensorflow {other.version} beside it", Severity.ERROR
    elif environment.run("tensorflow") and not has_imported(environment, "tensorflow"):
        said, severity = f"and tensorflow {build.version} cannot be imported", Severity.ERROR
    else:
        said, severity = f"and tensorflow {build.version} in it gets no more releases", Severity.INFO
    return Finding(
        message=f"{_NAME} {package.version} is a package that is no longer made, {said}",
        evidence=(
            Evidence(fact=f"packages.{_NAME}", value=package.version, source=environment.packages.source),
            environment.tensorflow,
        ),
        fixes=(pip_uninstall(environment, [_NAME]), install_tensorflow(case)),
        severity=severity,
    )
