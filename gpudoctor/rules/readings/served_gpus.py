"""Whether a framework build carries code for a GPU, and which build was the last that did."""

from __future__ import annotations

import msgspec

from gpudoctor.facts.environment import FrameworkDevice
from gpudoctor.facts.gpu import Gpu
from gpudoctor.knowledge import tensorflow, torch
from gpudoctor.knowledge.code_targets import serving
from gpudoctor.knowledge.drivers import branch_of, compiles_ptx_of, driver_serves
from gpudoctor.knowledge.gpus import cudnn_min_capability, legacy_branch
from gpudoctor.knowledge.versions import at_least, major_of
from gpudoctor.rules.readings.framework_builds import Build, builds, wheel_platform
from gpudoctor.rules.readings.nvidia_hardware import driver_platform
from gpudoctor.rules.readings.visible_devices import is_visible
from gpudoctor.rules.readings.wheel_target import wheel_target
from gpudoctor.rules.rule import Case


class Unserved(msgspec.Struct, frozen=True):
    """A GPU for which a build has no code that can run."""

    build: Build
    capability: str
    carries: str  # what the build has instead: "sm_75, sm_80, compute_90"
    obstacle: str = ""  # why its PTX does not help either
    is_disputed: bool = False  # no code by the rule, yet seen to run


class LastBuild(msgspec.Struct, frozen=True):
    """The newest release of a framework that has code for a GPU and starts on this driver, whatever the Python."""

    requirement: str  # torch==2.3.1+cu118
    version: str
    cuda: str
    index_url: str | None
    pythons: tuple[str, ...]


def unserved(case: Case) -> Unserved | None:
    """Return the first build of the environment without code for the GPU in question, or None.

    A GPU that programs are not shown needs no code, and one on which a kernel ran correctly has it. Raises FactUnknown
    when capability or arch list are unknown.
    """
    if not is_visible(case, case.gpu):
        return None
    installed = builds(case)
    capability = case.gpu.compute_capability.need() if installed else ""
    found = [one for build in installed if not _has_run(case, build) and (one := _judge(case, build, capability))]
    found = [one for one in found if not (one.obstacle and _has_added(case, one.build))]
    return min(found, key=lambda one: one.is_disputed, default=None)


def is_out_of_support(capability: str) -> bool:
    """Whether the last driver branch for a capability has ended: current builds are no longer made for such GPUs."""
    last = legacy_branch(capability)
    branch = branch_of(last) if last else None
    return branch is not None and branch.has_ended


def has_code_for(case: Case, build: Build, capability: str) -> bool:
    """Whether a build carries code for a capability; yes where its list is unknown."""
    return build.arch_list.is_unknown or _judge(case, build, capability) is None


def serves_another_gpu(case: Case, build: Build) -> bool:
    """Whether the machine has another GPU that this build has code for."""
    others = [gpu for gpu in case.machine.gpus.peek() or () if gpu.index != case.gpu.index and is_visible(case, gpu)]
    capabilities = [gpu.compute_capability.peek() for gpu in others]
    return any(one is not None and has_code_for(case, build, one) for one in capabilities)


def last_build(case: Case, framework: str, capability: str) -> LastBuild | None:
    """Return the newest torch or TensorFlow for a capability on this driver; None when the tables have none."""
    if framework == "torch":
        return _last_torch(case, capability)
    return _last_tensorflow(case, capability) if framework == "tensorflow" else None


def _has_run(case: Case, build: Build) -> bool:
    """Whether a kernel of this build gave the right result on a GPU of this kind."""
    run = case.environment.run(build.framework)
    mine = {device.index for device in _devices_of_this_kind(case, build)}
    return run is not None and any(one.device in mine and one.is_correct for one in run.kernel_runs.peek() or ())


def _has_added(case: Case, build: Build) -> bool:
    """Whether this build added two numbers on a GPU of this kind: then the driver does compile its PTX."""
    return any(not device.error for device in _devices_of_this_kind(case, build))


def _devices_of_this_kind(case: Case, build: Build) -> list[FrameworkDevice]:
    run = case.environment.run(build.framework)
    devices = (run.devices.peek() or ()) if run else ()
    return [device for device in devices if device.compute_capability == case.gpu.compute_capability.peek()]


def _judge(case: Case, build: Build, capability: str) -> Unserved | None:
    if build.arch_list.is_absent:
        lowest = build.min_capability
        is_below = lowest is not None and not at_least(capability, lowest)
        return Unserved(build, capability, f"code from {lowest} on") if is_below else None
    arch_list = build.arch_list.need()
    served = serving(arch_list, capability)
    carries = ", ".join(arch_list)
    if served.is_disputed:
        return Unserved(build, capability, carries, is_disputed=True)
    if served.by == "none":
        return Unserved(build, capability, carries)
    obstacle = _ptx_obstacle(case, build, capability) if served.by == "ptx" else ""
    return Unserved(build, capability, carries, obstacle) if obstacle else None


def _ptx_obstacle(case: Case, build: Build, capability: str) -> str:
    driver_cuda = wheel_target(case).driver_cuda
    if compiles_ptx_of(build.cuda, driver_cuda) is False:
        return f"its PTX is of CUDA {build.cuda}, and the driver compiles PTX up to {driver_cuda}"
    fails_from = tensorflow.ptx_fails_from(build.version) if build.framework == "tensorflow" else None
    if fails_from and at_least(capability, fails_from):
        return f"its PTX is known to fail on {fails_from} and above"
    return ""


def _last_torch(case: Case, capability: str) -> LastBuild | None:
    for version in torch.releases():
        for wheel in torch.wheels(version, wheel_platform(case)):
            if (
                wheel.cuda
                and _suits(case, wheel.archs or (), wheel.cuda, capability)
                and _cudnn_serves(wheel, capability)
            ):
                requirement = f"torch=={version}+{wheel.variant}"
                pythons = torch.pythons(version, wheel_platform(case))
                return LastBuild(requirement, version, wheel.cuda, torch.torch_index_url(wheel.index_path), pythons)
    return None


def _cudnn_serves(wheel: torch.TorchWheel, capability: str) -> bool:
    """Whether the cuDNN of a wheel has code for the GPU too; yes where the tables do not say."""
    lowest = cudnn_min_capability(torch.variant_cudnn(wheel.version, wheel.variant) or "", major_of(wheel.cuda or ""))
    return lowest is None or at_least(capability, lowest)


def _last_tensorflow(case: Case, capability: str) -> LastBuild | None:
    for one in tensorflow.releases():
        if one.build_cuda and one.has_linux_gpu and _suits(case, one.compiled_capabilities, one.build_cuda, capability):
            extra = "[and-cuda]" if one.and_cuda else ""
            return LastBuild(f"tensorflow{extra}=={one.version}", one.version, one.build_cuda, None, one.pythons)
    return None


def _suits(case: Case, arch_list: tuple[str, ...], cuda: str, capability: str) -> bool:
    if serving(arch_list, capability).by != "cubin":
        return False
    target = wheel_target(case)
    return driver_serves(cuda, target.driver_version or "", target.driver_cuda, driver_platform(case)) is not False


def label(gpu: Gpu) -> str:
    """Name a GPU as messages do: its product name, else its index."""
    return gpu.name.peek() or f"GPU {gpu.index}"
