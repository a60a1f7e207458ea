"""The libcuda that programs load and the kernel module are of different driver versions.

## What is wrong
CUDA's user-space library must be of exactly the version of the kernel module. Here `libcuda.so.1` is of another one,
so cuInit answers 803, `CUDA_ERROR_SYSTEM_DRIVER_MISMATCH`, "system has unsupported display driver / cuda driver
combination", while nvidia-smi still works because its own library is the right one.

## Why it happens
An image was built with driver packages inside (`libnvidia-compute-...`, `cuda-drivers`), or committed from a running
container, and now carries a libcuda of its own that comes before the one mounted from the host. On a plain machine: a
second driver from a .run file beside the distribution's, or a left-over copy in `/usr/local/lib`.

## How to fix
Remove the stray libcuda; install no driver packages in images. The host's driver is mounted by the container toolkit.

## Easily confused with
All driver libraries of another version than the module, nvidia-smi included ("Driver/library version mismatch"): the
driver was updated and the machine waits for a reboot. Error 804: a compatibility library, newer on purpose.

## References
- https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__TYPES.html (CUDA_ERROR_SYSTEM_DRIVER_MISMATCH)
- https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/arch-overview.html
"""

from __future__ import annotations

from gpudoctor.facts.fact import FactUnknown
from gpudoctor.findings.finding import Finding, Severity
from gpudoctor.rules.advice.cuda import drop_foreign_libcuda
from gpudoctor.rules.readings.loaded_libcuda import SONAME, answered, libcudas, module_version, places
from gpudoctor.rules.readings.nvidia_hardware import is_wsl
from gpudoctor.rules.rule import Case, Scope, rule

_SYSTEM_DRIVER_MISMATCH = 803
_LIBRARY_MISMATCH = 18  # NVML's own: then every library is of another version, and the whole driver was replaced


@rule("CUD013", Severity.ERROR, Scope.MACHINE, hides=("CUD001", "DRV013", "PRF001"))
def driver_stack_mixed(case: Case) -> Finding | None:
    api, nvml = case.driver.api, case.driver.nvml
    answer = answered(case, _SYSTEM_DRIVER_MISMATCH)
    if nvml.init_code.peek() == _LIBRARY_MISMATCH or (answer is None and api.init_code.peek() == 0) or is_wsl(case):
        return None
    module = module_version(case)
    found = () if answer and case.driver.libraries.is_unknown else libcudas(case)
    first = next((library for library in found if not library.is_stub), None)
    differs = bool(first and module and first.version and first.origin != "compat" and first.version != module)
    if answer is None and (not differs or nvml.init_code.peek() != 0):
        if module is None and case.driver.proc_version.is_unknown:
            raise FactUnknown(case.driver.proc_version)
        return None
    path = first.path if first else api.library.peek() or SONAME
    return Finding(
        message=_message(path, first.version if first else "", module),
        evidence=(*((answer,) if answer else ()), *places(found), case.driver.proc_version, nvml.driver_version),
        fixes=drop_foreign_libcuda(case, path),
    )


def _message(path: str, version: str, module: str | None) -> str:
    if version and version == module:
        return f"CUDA answers {_SYSTEM_DRIVER_MISMATCH}, two driver versions, yet {path} and the module are {module}"
    said, loaded = version or "of another version", module or "not told"
    return f"{path} is {said}, the loaded kernel module is {loaded}; both must be of one version"
