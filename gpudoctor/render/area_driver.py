"""The overview's line on the NVIDIA driver."""

from __future__ import annotations

from gpudoctor.facts.driver import Driver
from gpudoctor.facts.system import System
from gpudoctor.render.values import listed

_PACKAGES_SHOWN = 2


def driver_lines(driver: Driver, system: System) -> tuple[str, tuple[str, ...]]:
    """Return the mark without findings, and what is shown."""
    module = driver.proc_version.peek() or driver.module_version.peek()
    version = driver.nvml.driver_version.peek() or module or _smi_version(driver)
    if version is None:
        return _without_version(driver)
    return "ok", (", ".join([version, *_details(driver, system, module, version)]),)


def _smi_version(driver: Driver) -> str | None:
    smi = driver.smi.peek()
    return (smi.driver_version or None) if smi else None


def _details(driver: Driver, system: System, module: str | None, version: str) -> list[str]:
    said = []
    if flavour := driver.proc_flavour.peek():
        said.append(f"{flavour} kernel module" + (f" {module}" if module and module != version else ""))
    elif module and module != version:
        said.append(f"kernel module {module}")
    elif driver.module_version.is_absent and not system.wsl.peek():
        said.append("kernel module not loaded")
    said += [f"libraries {other}" for other in _library_versions(driver) if other != version]
    if cuda := driver.nvml.cuda_version.peek():
        said.append(f"serves CUDA {cuda}")
    return [*said, *_nvml_error(driver)]


def _library_versions(driver: Driver) -> list[str]:
    first: dict[str, str] = {}
    for library in driver.libraries.peek() or ():
        if library.version:
            first.setdefault(library.soname, library.version)
    return sorted(set(first.values()))


def _nvml_error(driver: Driver) -> list[str]:
    code, name = driver.nvml.init_code.peek(), driver.nvml.init_error.peek()
    return [f"NVML does not start: {name or 'error'} ({code})"] if code else []


def _without_version(driver: Driver) -> tuple[str, tuple[str, ...]]:
    packages = [f"{package.name} {package.version}" for package in driver.packages.peek() or ()]
    if packages:
        return "info", (f"not running; installed: {listed(packages, _PACKAGES_SHOWN)}", *_nvml_error(driver))
    if driver.nvml.library.is_absent and driver.module_version.is_absent:
        return "info", ("no NVIDIA driver",)
    reason = driver.nvml.driver_version.unknown or driver.module_version.unknown or "no source told its version"
    return "unknown", (", ".join([f"version not known: {reason}", *_nvml_error(driver)]),)
