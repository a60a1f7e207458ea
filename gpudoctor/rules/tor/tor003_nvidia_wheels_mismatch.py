"""The NVIDIA packages that torch brings along are not the ones it was built with.

## What is wrong
A torch wheel does not contain cuBLAS, cuDNN, NCCL and the rest; it requires exact versions of NVIDIA's own packages
(`nvidia-cudnn-cu12`, `nvidia-nccl-cu12`, `cuda-toolkit`, ...). Here other versions are installed, or packages of two
CUDA majors that write into the same folder, or files of them are gone. Then torch does not load (`undefined symbol:
ncclCommRegister`, `__nvJitLinkComplete...`, `libcudnn.so.9: cannot open shared object file`) or computes with
libraries that nobody tested together.

## Why it happens
- Another framework in the same environment wants its own: jax and tensorflow use the same packages.
- One of them was upgraded by hand (`pip install -U nvidia-cudnn-cu12`).
- `nvidia-cudnn-cu12` and `nvidia-cudnn-cu13` both install into `nvidia/cudnn`: the later one overwrites the earlier,
  and removing either deletes files of both. The same holds for NCCL, cuSPARSELt and NVSHMEM.

## How to fix
Install torch's own set again; with two majors side by side, remove the foreign ones first. One GPU framework an
environment is the lasting cure, unless their CUDA majors agree.

## Easily confused with
- The packages are right and LD_LIBRARY_PATH brings in others before them (CUD004).
- torchvision or flash-attn made for another torch (TOR002).

## When this is harmless
A newer library of the same major is what NVIDIA calls compatible. If torch was started and used the GPU, the
difference is only reported as a warning.

## References
- NVIDIA, cuDNN and NCCL release notes: compatibility inside a major release.
- Requires-Dist in the METADATA of the installed torch: the pins that are compared here.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from gpudoctor.findings.finding import Finding, Fix, Severity
from gpudoctor.knowledge.versions import major_of
from gpudoctor.rules.advice.python import new_environment, pip_install, pip_uninstall
from gpudoctor.rules.readings.framework_starts import framework_packages
from gpudoctor.rules.readings.nvidia_packages import requirement
from gpudoctor.rules.readings.nvidia_wheels import NvidiaWheels, nvidia_wheels
from gpudoctor.rules.rule import Case, Scope, rule


@rule("TOR003", Severity.ERROR, Scope.ENVIRONMENT, hides=("CUD005", "DNN001", "DNN002", "PYT004", "PYT007", "PYT011"))
def nvidia_wheels_mismatch(case: Case) -> Finding | None:
    if not framework_packages(case.environment):
        return None
    wheels = nvidia_wheels(case.environment)
    if wheels.is_sound:
        return None
    return Finding(
        message=_message(wheels),
        evidence=wheels.evidence(),
        fixes=tuple(_fixes(case, wheels)),
        severity=Severity.ERROR if wheels.is_harmful else Severity.WARNING,
    )


def _message(wheels: NvidiaWheels) -> str:
    if wheels.clashes:
        one, other = wheels.clashes[0]
        return f"{one} and {other} are both installed and overwrite each other's files"
    if wheels.pins:
        pin = wheels.pins[0]
        have = f"{pin.installed.version} is installed" if pin.installed else "it is not installed"
        more = f"; {len(wheels.pins) - 1} more of its requirements are not met" if len(wheels.pins) > 1 else ""
        return f"{pin.by.name} {pin.by.version} requires {pin.wanted}, and {have}{more}"
    gutted = wheels.gutted[0]
    what = "1 file" if gutted.missing_file_count == 1 else f"{gutted.missing_file_count} files"
    return f"{gutted.name} {gutted.version} has lost {what}"


def _only_one_major(case: Case, wheels: NvidiaWheels) -> Fix:
    """Remove the packages of both majors, since each deletes files of the other, then install torch's own again."""
    environment, build = case.environment, case.environment.torch.peek()
    names = sorted({name for pair in wheels.clashes for name in pair})
    remove = pip_uninstall(environment, names)
    own = [name for name in names if build and build.cuda and name.endswith(f"-cu{major_of(build.cuda)}")]
    if not own:
        return remove
    wanted = [requirement(environment, "torch", name) for name in own]
    again = pip_install(environment, wanted, upgrade=False)
    title = f"Or remove both, then install again what torch {build.version if build else ''} requires"
    return msgspec.structs.replace(remove, title=title, commands=(*remove.commands, *again.commands))


def _fixes(case: Case, wheels: NvidiaWheels) -> Iterator[Fix]:
    environment = case.environment
    if wheels.clashes:
        yield new_environment(case, "torch")
        yield _only_one_major(case, wheels)
        return
    if wheels.pins:
        wanted = [pin.wanted for pin in wheels.pins]
        yield pip_install(environment, wanted, title="Install the versions that torch requires", upgrade=False)
    if wheels.gutted:
        names = [f"{package.name}=={package.version}" for package in wheels.gutted]
        yield pip_install(environment, names, title="Install the damaged packages again", reinstall=True)
