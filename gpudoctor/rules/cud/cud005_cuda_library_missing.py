"""A CUDA library that the framework needs cannot be found.

## What is wrong
The framework, or a library beside it, asks the loader for a file of CUDA that is nowhere on its way:
"libcudart.so.11.0: cannot open shared object file", "libcublas.so.12: cannot open shared object file", "Could not
load dynamic library 'cudart64_110.dll'".

## Why it happens
- The package that brings it was not installed (`--no-deps`, an index without it, an interrupted download) or another
  package's uninstallation took its files away.
- The framework is of a time when it relied on a CUDA installed on the system, and there is none, or none of that
  release: the number in the file's name is the CUDA release (`.so.11.0`: CUDA 11, `.so.12`: CUDA 12).
- An extension was built against another CUDA than the framework's (a `.so.11.0` wanted beside a build for CUDA 12).
- It is there, and the environment variable or loader configuration that led to it is gone.

## How to fix
Install the package of that library, at the version that the framework asks for, or install the framework again so
that pip does. For an extension, install the one that was built for the framework's CUDA.

## Easily confused with
A cuDNN file, TensorRT's `libnvinfer` (never needed), and `libcuda.so.1`, which belongs to the driver: no package
brings that one.

## References
- https://www.tensorflow.org/install/source#gpu (CUDA of each release)
- https://docs.nvidia.com/cuda/cuda-installation-guide-linux/index.html (pip wheels)
"""

from __future__ import annotations

from gpudoctor.findings.finding import Evidence, Finding, Fix, Severity
from gpudoctor.rules.advice.cuda import fitting_build
from gpudoctor.rules.advice.python import new_environment, pip_install
from gpudoctor.rules.readings.framework_builds import builds
from gpudoctor.rules.readings.missing_libraries import MissingLibrary, missing_libraries, other_releases, same_release
from gpudoctor.rules.readings.nvidia_hardware import has_nvidia_gpu
from gpudoctor.rules.readings.nvidia_packages import package_name, requirement
from gpudoctor.rules.rule import Case, Scope, rule


@rule("CUD005", Severity.ERROR, Scope.ENVIRONMENT, hides=("PRF001", "PYT011", "RUN005", "RUN006"))
def cuda_library_missing(case: Case) -> Finding | None:
    missing = [one for one in missing_libraries(case) if one.component != "cudnn"]
    missing = [one for one in missing if not (one.framework == "tensorflow" and other_releases(case, one))]
    if not missing or not (_stops_the_import(case, missing[0]) or has_nvidia_gpu(case)):
        return None
    first = missing[0]
    there = (*same_release(case, first), *other_releases(case, first))
    names = ", ".join(one.soname for one in missing[:4])
    return Finding(
        message=f"{first.framework} asks for {names}, which the loader does not find; "
        f"{f'what is there is {there[0]}' if there else 'no package or folder here brings it'}",
        evidence=(
            *dict.fromkeys(one.fact for one in missing),
            *(Evidence(fact="installed copy", value=one, source="packages, loader") for one in there[:4]),
        ),
        fixes=_fixes(case, first),
    )


def _stops_the_import(case: Case, missing: MissingLibrary) -> bool:
    """Whether the framework cannot even be imported without it: then it fails on the CPU too."""
    run = case.environment.run(missing.framework)
    return run is not None and missing.soname.partition(".so")[0] in (run.import_error.peek() or "")


def _fixes(case: Case, missing: MissingLibrary) -> tuple[Fix, ...]:
    build = next((build for build in builds(case) if build.framework == missing.framework), None)
    if missing.major is None:
        return (new_environment(case, missing.framework),)
    name = package_name(missing.component, missing.major)
    wanted = requirement(case.environment, missing.framework, name)
    brings = [package for package in case.environment.packages.peek() or () if package.name == name]
    again = (fitting_build(case, build),) if build else (new_environment(case, missing.framework),)
    if wanted == name and not brings:
        return again
    if wanted == name:
        wanted = f"{name}=={brings[0].version}"
    title = f"Install {wanted} again, which brings {missing.soname}"
    fix = pip_install(case.environment, [wanted], title=title, reinstall=True)
    return (fix, *again)
