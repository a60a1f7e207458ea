"""The container got only a part of the driver: libcuda or NVML was not asked for.

## What is wrong
NVIDIA_DRIVER_CAPABILITIES says which parts of the driver come into the container: `compute` brings libcuda, which every
framework needs; `utility` brings libnvidia-ml and nvidia-smi. A value that names one leaves out the other, so that
nvidia-smi shows the GPU and torch says that there is none, or the reverse.

## Why it happens
- A compose file lists `capabilities: [gpu, utility]`; `[gpu]` alone brings compute and utility both.
- The variable is set for graphics (`graphics,display`) or copied from a video image (`video`).

## How to fix
Ask for `compute,utility`, and start the container anew.

## Easily confused with
- Nothing of the driver is in the container (CTR001).
- libcuda is there and another one is loaded before it (CUD003, CUD013).

## When this is harmless
Without `utility` frameworks compute all the same; only nvidia-smi and monitoring are missing: a warning.

## References
- NVIDIA Container Toolkit, "Driver capabilities".
- Docker, Compose specification: `devices`, `capabilities`.
"""

from __future__ import annotations

from gpudoctor.findings.finding import Evidence, Finding, Severity
from gpudoctor.rules.advice.container import run_with_gpu
from gpudoctor.rules.readings.handed_in_driver import handed_in
from gpudoctor.rules.rule import Case, Scope, rule

_WANTED = "compute,utility"


@rule("CTR003", Severity.ERROR, Scope.MACHINE, hides=("CUD001", "CUD003", "DRV002", "DRV013", "PRF001"))
def driver_capabilities(case: Case) -> Finding | None:
    seen = handed_in(case)
    if seen.has_libcuda == seen.has_nvml:
        return None
    case.system.variables.read()
    missing, capability = ("libnvidia-ml.so.1", "utility") if seen.has_libcuda else ("libcuda.so.1", "compute")
    asked = [part.strip() for part in (seen.capabilities or "").split(",")]
    if capability in asked or "all" in asked:
        return None
    value = "not set" if seen.capabilities is None else repr(seen.capabilities)
    return Finding(
        message=f"the container got no {missing}: NVIDIA_DRIVER_CAPABILITIES is {value} and lacks {capability}",
        evidence=(
            Evidence(fact="NVIDIA_DRIVER_CAPABILITIES", value=value, source=case.system.variables.source),
            case.driver.libraries,
        ),
        fixes=(run_with_gpu(case, _WANTED),),
        severity=Severity.WARNING if seen.has_libcuda else Severity.ERROR,
    )
