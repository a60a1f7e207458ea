"""The NVIDIA driver is older than the CUDA release that a framework is built for.

## What is wrong
The framework brings its own CUDA libraries. They start only on a driver of a certain age, and this one is older.
PyTorch says "The NVIDIA driver on your system is too old (found version 12020)", CUDA itself "CUDA driver version is
insufficient for CUDA runtime version" (error 35), CuPy `cudaErrorInsufficientDriver`.

## Why it happens
`pip install torch` takes the newest release, and with it the newest CUDA, whatever the driver is. The rule behind it:
within one major release of CUDA every wheel runs on the family's first driver (minor-version compatibility), so a
wheel for 12.8 runs on a driver that shows "CUDA Version: 12.0". Across majors it does not: 13.x needs a driver of
branch 580. The number in the corner of nvidia-smi is the newest CUDA that the driver serves in full, not an installed
toolkit.

## How to fix
Either install a build for the CUDA that the driver serves, which needs no administrator, or update the driver. In a
container the driver is the host's, in WSL it is the one in Windows; nothing inside can replace it.

## Easily confused with
Error 804 (compatibility libraries where they are not allowed), error 803 (two drivers mixed) and a cuda-compat or
foreign libcuda that reports less than the driver can do: those have codes of their own.

## References
- https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html
- https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/index.html (table of driver versions)
"""

from __future__ import annotations

import re

from gpudoctor.facts.environment import FrameworkRun
from gpudoctor.findings.finding import Finding, Fix, Severity
from gpudoctor.knowledge.drivers import branch_of, driver_serves, floor_for, newest_known_branch
from gpudoctor.knowledge.versions import version_key
from gpudoctor.rules.advice.cuda import smaller_build_or_driver
from gpudoctor.rules.framework_builds import Build, builds
from gpudoctor.rules.nvidia_hardware import driver_platform, driver_version, has_nvidia_gpu
from gpudoctor.rules.rule import CannotJudge, Case, Scope, rule

_INSUFFICIENT_DRIVER = 35
_FOUND = re.compile(r"found version (\d{4,6})")  # cuDriverGetVersion's number, 12040 for 12.4
_SEARCH = ("ldconfig -p | grep libcuda.so", "echo $LD_LIBRARY_PATH")
_COMPLAINTS = ("driver on your system is too old", "driver version is insufficient")


@rule("CUD001", Severity.ERROR, Scope.ENVIRONMENT, hides=("CUD008", "PRF001", "RUN005", "RUN006"))
def driver_too_old_for_runtime(case: Case) -> Finding | None:
    installed = builds(case)
    if not installed or not has_nvidia_gpu(case):
        return None
    driver = driver_version(case)
    if driver is None:
        return None
    reported = _reported_cuda(case)
    undecided = ""
    for build in installed:
        run = case.environment.run(build.framework)
        if run is not None and run.is_gpu_available.peek():
            continue
        serves = driver_serves(_release(build), driver, reported, driver_platform(case))
        if serves is False or _complains(run):
            return _finding(case, build, driver, reported, run)
        if serves is None:
            undecided = build.title
    if undecided:
        raise CannotJudge("driver.NVML.cuda_version", f"neither driver {driver} nor the tables tell about {undecided}")
    return None


def _reported_cuda(case: Case) -> str | None:
    """Return the highest CUDA that any part of the driver says it serves: compatibility libraries raise it."""
    api, smi = case.driver.api, case.driver.smi.peek()
    mapped = api.driver_version.peek() if api.init_code.peek() == 0 else None
    said = (case.driver.nvml.cuda_version.peek(), mapped, smi.cuda_version if smi else None)
    return max((cuda for cuda in said if cuda), key=version_key, default=None)


def _release(build: Build) -> str:
    """Return a release to ask the tables for, where the package names a major alone: the first that has a family."""
    return build.cuda if "." in build.cuda else f"{build.cuda}.1"


def _complains(run: FrameworkRun | None) -> bool:
    if run is None:
        return False
    said = run.gpu_error.peek() or ""
    return run.gpu_error_code.peek() == _INSUFFICIENT_DRIVER or any(text in said for text in _COMPLAINTS)


def _finding(case: Case, build: Build, driver: str, reported: str | None, run: FrameworkRun | None) -> Finding:
    platform = driver_platform(case)
    supports = f"supports CUDA {reported}" if reported else "is older than that"
    floor = floor_for(_release(build), platform)
    needed = f"needs driver {floor.driver} or newer" if floor else "needs a newer driver"
    if branch_of(driver, platform) is None:
        supports += f" (the tables end at branch {newest_known_branch()})"
    needed = f"is built for CUDA {build.cuda} and {needed}"
    fixes = smaller_build_or_driver(case, build)
    met = _FOUND.search((run.gpu_error.peek() if run else None) or "")
    if met and reported and version_key(reported) >= version_key(build.cuda):
        supports += f", yet programs get a libcuda for {int(met[1]) // 1000}.{int(met[1]) % 1000 // 10}"
        needed = f"is built for CUDA {build.cuda}"
        fixes = (
            Fix(title="Find the older libcuda that programs get, and take it off the loader's path", commands=_SEARCH),
        )
    evidence = (case.driver.nvml.driver_version, case.driver.proc_version, case.driver.nvml.cuda_version)
    return Finding(
        message=f"driver {driver} {supports}; {build.title} {needed}",
        evidence=(*evidence, build.version_fact, *((run.gpu_error,) if run and run.gpu_error.peek() else ())),
        fixes=fixes,
    )
