"""This is WSL 1, which has no access to the GPU.

## What is wrong
WSL 1 translates Linux system calls; it has no Linux kernel and no way to the GPU. CUDA, nvidia-smi and every
framework's GPU part need WSL 2.

## Why it happens
The distribution was installed before WSL 2, or on Windows without virtualisation switched on in the firmware, or it
was converted on purpose.

## How to fix
Convert the distribution in Windows. Virtualisation has to be on in the firmware (BIOS), and the Windows features
"Virtual Machine Platform" and "Windows Subsystem for Linux" too.

## Easily confused with
- WSL 2 without driver libraries (WSL003).

## References
- Microsoft, "Comparing WSL versions" and "Basic commands for WSL" (`--set-version`).
"""

from __future__ import annotations

from gpudoctor.findings.finding import Evidence, Finding, Severity
from gpudoctor.rules.advice.wsl import UPGRADE_TO_2
from gpudoctor.rules.consequences import OF_NO_MODULE
from gpudoctor.rules.rule import Case, Scope, rule


@rule("WSL001", Severity.ERROR, Scope.MACHINE, hides=("WSL003", "DRV001", "DRV002", "DRV005", *OF_NO_MODULE))
def wsl1(case: Case) -> Finding | None:
    wsl = case.system.wsl.need()
    if wsl.version > 1:
        return None
    return Finding(
        message=f"this is WSL {wsl.version} (kernel {wsl.kernel_release}), and only WSL 2 has access to the GPU",
        evidence=(Evidence(fact="system.wsl", value=f"version {wsl.version}", source=case.system.wsl.source),),
        fixes=(UPGRADE_TO_2,),
    )
