"""The whole machine: every probe of it side by side, each with a deadline, put together into one record."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from gpudoctor.facts.driver import CudaDriverApi, Driver, FabricManager, Nvml
from gpudoctor.facts.fact import Fact, Record, known, unknown
from gpudoctor.facts.gpu import Gpu
from gpudoctor.facts.kernel_log import KernelLog
from gpudoctor.facts.snapshot import Machine
from gpudoctor.facts.system import System
from gpudoctor.facts.toolkit import Toolkits
from gpudoctor.probes.containers import probe_container
from gpudoctor.probes.cuda_driver_api import probe_cuda_driver_api
from gpudoctor.probes.device_nodes import probe_device_nodes
from gpudoctor.probes.driver_libraries import probe_driver_libraries
from gpudoctor.probes.driver_packages import probe_driver_packages
from gpudoctor.probes.fabric_manager import probe_fabric_manager
from gpudoctor.probes.host import Host
from gpudoctor.probes.host_compiler import probe_host_compiler
from gpudoctor.probes.jupyter import probe_kernelspecs
from gpudoctor.probes.kernel_log import probe_kernel_log
from gpudoctor.probes.kernel_modules import probe_kernel_modules
from gpudoctor.probes.loader import look_at_loader
from gpudoctor.probes.nvml import probe_nvml
from gpudoctor.probes.pci import NVIDIA, probe_pci
from gpudoctor.probes.secure_boot import probe_secure_boot
from gpudoctor.probes.smi import probe_smi
from gpudoctor.probes.system import probe_system
from gpudoctor.probes.toolkits import probe_toolkits
from gpudoctor.probes.wsl import probe_wsl

SLOW_SECONDS = 2.0
_GRACE_SECONDS = 5.0  # beyond the deadline of the commands inside a probe

Seen = Mapping[str, Record]  # section ("driver", "system", ...) -> its record, with what the probe saw


class Probe(msgspec.Struct, frozen=True):
    """One probe: its name for people, what it fills (section -> fields), and the look itself."""

    name: str
    fills: Mapping[str, tuple[str, ...]]
    look: Callable[[Host], Seen]


def _nvml(host: Host) -> Seen:
    nvml, gpus = probe_nvml(host)
    return {"driver": Driver(nvml=nvml), "machine": Machine(gpus=gpus)}


def _libraries(host: Host) -> Seen:
    loader = look_at_loader(host)
    return {
        "driver": probe_driver_libraries(host, loader),
        "system": probe_wsl(host, loader),
        "toolkits": probe_toolkits(host, loader),
    }


# Slow ones first: they start first.
PROBES: tuple[Probe, ...] = (
    Probe("NVML", {"driver": ("nvml",), "machine": ("gpus",)}, _nvml),
    Probe("CUDA driver API", {"driver": ("api",)}, lambda host: {"driver": Driver(api=probe_cuda_driver_api(host))}),
    Probe("nvidia-smi", {"driver": ("smi",)}, lambda host: {"driver": Driver(smi=probe_smi(host))}),
    Probe("kernel log", {"kernel_log": ("lines", "xids")}, lambda host: {"kernel_log": probe_kernel_log(host)}),
    Probe(
        "libraries and toolkits",
        {"driver": ("libraries",), "system": ("wsl",), "toolkits": ("installed", "cudnn", "libraries")},
        _libraries,
    ),
    Probe("host compiler", {"system": ("host_compiler",)}, lambda host: {"system": probe_host_compiler(host)}),
    Probe("fabric manager", {"driver": ("fabric_manager",)}, lambda host: {"driver": probe_fabric_manager(host)}),
    Probe("Secure Boot", {"driver": ("secure_boot", "lockdown")}, lambda host: {"driver": probe_secure_boot(host)}),
    Probe("packages", {"driver": ("packages",)}, lambda host: {"driver": probe_driver_packages(host)}),
    Probe(
        "kernel modules",
        {
            "driver": (
                "proc_version",
                "proc_flavour",
                "module_version",
                "loaded_modules",
                "module_files",
                "has_kernel_headers",
                "dkms",
                "blacklisted_modules",
            )
        },
        lambda host: {"driver": probe_kernel_modules(host)},
    ),
    Probe("PCI", {"driver": ("pci_devices",)}, lambda host: {"driver": probe_pci(host)}),
    Probe("device files", {"driver": ("device_nodes",)}, lambda host: {"driver": probe_device_nodes(host)}),
    Probe("container", {"system": ("container",)}, lambda host: {"system": probe_container(host)}),
    Probe(
        "system",
        {
            "system": tuple(
                name for name in System.__struct_fields__ if name not in {"container", "wsl", "host_compiler"}
            )
        },
        lambda host: {"system": probe_system(host)},
    ),
    Probe(
        "Jupyter kernels",
        {"machine": ("kernelspecs",)},
        lambda host: {"machine": Machine(kernelspecs=probe_kernelspecs(host))},
    ),
)


def probe_machine(
    host: Host, on_slow: Callable[[str], None] | None = None, probes: Sequence[Probe] = PROBES
) -> tuple[Machine, tuple[str, ...]]:
    """Run every probe side by side and put the machine together.

    The second value lists the probes that raised ("NAME: EXCEPTION: TEXT"), gpudoctor's own faults; their facts, and
    those of a probe that ran past its deadline, are unknown. `on_slow` is called once for a probe that has been running
    for SLOW_SECONDS.
    """
    answers: queue.SimpleQueue[tuple[Probe, Seen | Exception]] = queue.SimpleQueue()
    for probe in probes:  # daemon threads: one that hangs in the kernel must not keep the process alive
        threading.Thread(target=_look, args=(probe, host, answers), name=probe.name, daemon=True).start()
    collected = _Collected()
    waiting = _Waiting(list(probes), host.timeout_seconds + _GRACE_SECONDS, on_slow)
    while waiting.probes:
        try:
            probe, answer = answers.get(timeout=waiting.patience_seconds())
        except queue.Empty:
            if waiting.is_over():
                break
            continue
        waiting.probes.remove(probe)
        collected.take(probe, answer)
    for probe in waiting.probes:
        collected.give_up(probe, f"did not answer within {host.timeout_seconds + _GRACE_SECONDS:g} s")
    return _finished(collected.machine()), tuple(collected.failures)


def _look(probe: Probe, host: Host, answers: queue.SimpleQueue[tuple[Probe, Seen | Exception]]) -> None:
    try:
        answers.put((probe, probe.look(host)))
    except Exception as error:  # a probe's bug must not end the diagnosis
        answers.put((probe, error))


class _Waiting:
    """The probes that have not answered yet, and how long they may still take."""

    def __init__(self, probes: list[Probe], deadline_seconds: float, on_slow: Callable[[str], None] | None) -> None:
        self.probes = probes
        self._started = time.monotonic()
        self._deadline_seconds = deadline_seconds
        self._on_slow = on_slow

    def patience_seconds(self) -> float:
        """Return how long to wait now: until the probes count as slow, then until the deadline."""
        passed = time.monotonic() - self._started
        until = SLOW_SECONDS if self._on_slow and passed < SLOW_SECONDS else self._deadline_seconds
        return max(0.0, until - passed)

    def is_over(self) -> bool:
        """Tell of slow probes when it is time; return whether the deadline has passed."""
        if self._on_slow and time.monotonic() - self._started >= SLOW_SECONDS:
            for probe in self.probes:
                self._on_slow(probe.name)
            self._on_slow = None
        return time.monotonic() - self._started >= self._deadline_seconds


class _Collected:
    """Facts by section and field, and the names of the probes that failed."""

    def __init__(self) -> None:
        self._fields: dict[str, dict[str, object]] = {}
        self.failures: list[str] = []

    def take(self, probe: Probe, answer: Seen | Exception) -> None:
        """Keep what a probe fills; a probe that raised fills unknown facts."""
        if isinstance(answer, Exception):
            text = " ".join(str(answer).split())[:200]
            self.failures.append(f"{probe.name}: {type(answer).__name__}: {text}")
            self.give_up(probe, "the probe crashed")
            return
        for section, fields in probe.fills.items():
            for field in fields:
                self._fields.setdefault(section, {})[field] = getattr(answer[section], field)

    def give_up(self, probe: Probe, reason: str) -> None:
        """Make what a probe would have filled unknown."""
        nested = {"nvml": Nvml, "api": CudaDriverApi}
        for section, fields in probe.fills.items():
            for field in fields:
                record = nested.get(field)
                value: object = unknown(reason)
                if record is not None:
                    value = record(**{name: unknown(reason) for name in record.__struct_fields__})
                self._fields.setdefault(section, {})[field] = value

    def machine(self) -> Machine:
        """Put the sections together."""
        return msgspec.structs.replace(
            Machine(),
            system=msgspec.structs.replace(System(), **self._fields.get("system", {})),
            driver=msgspec.structs.replace(Driver(), **self._fields.get("driver", {})),
            toolkits=msgspec.structs.replace(Toolkits(), **self._fields.get("toolkits", {})),
            kernel_log=msgspec.structs.replace(KernelLog(), **self._fields.get("kernel_log", {})),
            **self._fields.get("machine", {}),
        )


def _finished(machine: Machine) -> Machine:
    """Add what two probes know only together."""
    return msgspec.structs.replace(
        machine,
        gpus=_gpus(machine),
        driver=msgspec.structs.replace(machine.driver, fabric_manager=_fabric_manager(machine.driver)),
    )


def _gpus(machine: Machine) -> Fact[tuple[Gpu, ...]]:
    """Return NVML's GPUs; where NVML says nothing and the machine can have none, that there are none."""
    if not machine.gpus.is_unknown:
        return machine.gpus
    system = machine.system
    if system.os_name.peek() == "Darwin" and system.architecture.peek() == "arm64":
        return known((), "Apple silicon has no NVIDIA GPU")
    devices = machine.driver.pci_devices.peek()
    nodes = {node.path for node in machine.driver.device_nodes.peek() or ()}
    # GPUs that are on no PCI bus.
    is_elsewhere = bool(system.wsl.peek() or system.tegra_release.peek() or nodes & {"/dev/dxg", "/dev/nvmap"})
    if devices is None or is_elsewhere or any(device.vendor_id == NVIDIA for device in devices):
        return machine.gpus
    return known((), "no NVIDIA device on the PCI bus")


def _fabric_manager(driver: Driver) -> Fact[FabricManager]:
    """Take the version from the package where the program did not say it."""
    manager = driver.fabric_manager.peek()
    if manager is None or manager.version or manager.state == "missing":
        return driver.fabric_manager
    for package in driver.packages.peek() or ():
        name = package.name.replace("-", "")
        if name.startswith(("nvidiafabricmanager", "cudadriversfabricmanager")) and package.state == "installed":
            version = package.version.partition(":")[2] or package.version
            found = msgspec.structs.replace(manager, version=version.partition("-")[0])
            return known(found, f"{driver.fabric_manager.source}, {package.manager}")
    return driver.fabric_manager
