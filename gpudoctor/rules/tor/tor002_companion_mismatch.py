"""A package with compiled code for torch was made for another torch than the one installed.

## What is wrong
torchvision, torchaudio, xformers, flash-attn and their like contain C++ and CUDA code that is compiled against one
torch release. torch promises no stable binary interface between releases, so beside another torch they fail to load:
`undefined symbol: _ZN3c10...`, `_ZN2at...`, `operator torchvision::nms does not exist`, or a crash.

## Why it happens
- torch was upgraded alone, or a later `pip install` moved it to fulfil some other package.
- torch came from one index (`/whl/cu126`) and the companion from another (`/whl/cu130`, or the default one).
- A wheel that names its torch in its version (`flash_attn ...+cu12torch2.8`) was downloaded by hand.

## How to fix
Install the companion that belongs to this torch, from the same index, both in one command. If the torch is the one
that strayed, put it back to what the companions need. A package built from source has to be built again.

## Easily confused with
- `undefined symbol` in libcusparse, libcublas or libnvJitLink: NVIDIA's own libraries disagree (TOR003, CUD004).
- A companion made for ROCm beside torch for CUDA (TOR004).

## When this is harmless
A patch release apart (torchvision made for 2.5.0 beside torch 2.5.1) mostly loads; that is reported as a warning.

## References
- torchvision and torchaudio, README: tables of matching releases.
- torchvision, `extension.py`: the check of CUDA versions at import.
"""

from __future__ import annotations

from gpudoctor.findings.finding import Evidence, Finding, Severity
from gpudoctor.rules.advice.python import install_companions, new_environment
from gpudoctor.rules.readings.torch_companions import mismatches
from gpudoctor.rules.rule import Case, Scope, rule


@rule("TOR002", Severity.ERROR, Scope.ENVIRONMENT, hides=("PYT004", "PYT009", "PYT011"))
def companion_mismatch(case: Case) -> Finding | None:
    build = case.environment.torch.need()
    found = mismatches(case.environment, build.version)
    if not found:
        return None
    worst = next((item for item in found if item.is_severe), found[0])
    lines = {f"packages.{item.package.name}": f"{item.package.version}, made for {item.wants}" for item in found[::-1]}
    return Finding(
        message=f"{worst.package.name} {worst.package.version} is made for {worst.wants}, and torch is {build.version}",
        evidence=(
            case.environment.torch,
            *(Evidence(fact=name, value=value, source="metadata") for name, value in lines.items()),
        ),
        fixes=(*install_companions(case, [item.package.name for item in found]), new_environment(case, "torch")),
        severity=Severity.ERROR if worst.is_severe else Severity.WARNING,
    )
