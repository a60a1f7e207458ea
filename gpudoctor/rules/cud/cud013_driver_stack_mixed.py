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

from gpudoctor.facts.driver import DriverLibrary
from gpudoctor.facts.fact import FactUnknown
from gpudoctor.findings.finding import Evidence, Finding, Fix, Severity
from gpudoctor.rules.advice.commands import package_manager
from gpudoctor.rules.advice.cuda import drop_from_library_path, remove_library
from gpudoctor.rules.advice.driver import reboot
from gpudoctor.rules.loaded_libcuda import SONAME, answered, libcudas, module_version
from gpudoctor.rules.nvidia_hardware import is_container, is_wsl
from gpudoctor.rules.rule import Case, Scope, rule

_SYSTEM_DRIVER_MISMATCH = 803
_DISTRIBUTION_FOLDERS = ("/usr/lib", "/lib")  # filled by packages; nothing there is to be moved by hand
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
        evidence=(*((answer,) if answer else ()), *_places(found), case.driver.proc_version, nvml.driver_version),
        fixes=_fixes(case, path),
    )


def _message(path: str, version: str, module: str | None) -> str:
    if version and version == module:
        return f"CUDA answers {_SYSTEM_DRIVER_MISMATCH}, two driver versions, yet {path} and the module are {module}"
    said, loaded = version or "of another version", module or "not told"
    return f"{path} is {said}, the loaded kernel module is {loaded}; both must be of one version"


def _places(found: tuple[DriverLibrary, ...]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(fact="driver.libraries", value=f"{library.path} {library.version}".strip(), source=library.origin)
        for library in found
    )


def _fixes(case: Case, path: str) -> tuple[Fix, ...]:
    folder = path.rpartition("/")[0]
    if folder and folder in (case.system.variables.peek() or {}).get("LD_LIBRARY_PATH", "").split(":"):
        return (drop_from_library_path(case, folder),)
    if is_container(case):
        return (
            Fix(
                title="Remove the driver packages from the image, then start a container from it again",
                commands=("dpkg -l 'libnvidia-compute*' 'cuda-drivers*'", "rpm -qa 'nvidia-driver*'"),
            ),
            Fix(title="Build images without packages that bring libcuda or libnvidia-ml; the host's are mounted"),
        )
    if folder.startswith(_DISTRIBUTION_FOLDERS):
        owner = {"apt": "dpkg -S libcuda.so", "dnf": f"rpm -qf {path}", "zypper": f"rpm -qf {path}"}
        command = owner.get(package_manager(case), "ldconfig -p | grep libcuda")
        find = Fix(
            title="See which package brings this libcuda, and remove the ones of the other version", commands=(command,)
        )
        return (find, reboot(case, "the kernel module of the installed driver is loaded"))
    return (remove_library(case, path, "so that the one of the loaded driver is found"),)
