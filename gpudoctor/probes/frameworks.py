"""Starts frameworks in child processes of an environment's interpreter, and turns what they sent into facts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from gpudoctor.facts.environment import FrameworkDevice, FrameworkRun, KernelRun, MappedLibrary
from gpudoctor.facts.fact import Fact, absent, known, unknown
from gpudoctor.probes.host import Host
from gpudoctor.probes.inside_stages import Stages, TooOld, Unreadable, run_inside
from gpudoctor.probes.interpreters import python_path, uses_user_site
from gpudoctor.probes.targets import ProbeOptions, Target

FRAMEWORKS = ("torch", "tensorflow", "jax", "cupy")
_STDERR_LINES = 40
_TRACE_BEFORE_DEADLINE = 0.85  # of the deadline: then a hanging child writes where it hangs
_TURN_SHARE = 0.4  # of the deadline: then the child goes on although another one still holds the GPUs
_MAPS = "/proc/self/maps"
_ERROR_NUMBER = re.compile(r"\b(?:Error|error code|CUDA error|cudaError_t)[ :(]+(\d{1,4})\b")
T = TypeVar("T")


class ImportStage(msgspec.Struct, frozen=True):
    """What framework.py sends after the import, or after its failure (`error`)."""

    mapped: tuple[MappedLibrary, ...] = ()
    error: str | None = None
    traceback: str = ""
    version: str | None = None
    location: str | None = None
    built_cuda: str | None = None
    built_rocm: str | None = None
    built_cudnn: str | None = None
    arch_list: tuple[str, ...] | None = None


class SentDevice(msgspec.Struct, frozen=True):
    """One GPU of the stage "devices"."""

    index: int
    name: str
    compute_capability: str
    memory_total_bytes: int
    error: str
    error_code: int | None


class DevicesStage(msgspec.Struct, frozen=True):
    """What framework.py sends after each GPU was used once, or after the question itself failed (`raised`)."""

    is_available: bool = False
    error: str | None = None
    error_code: int | None = None
    devices: tuple[SentDevice, ...] = ()
    warnings: tuple[str, ...] = ()
    raised: str | None = None
    raised_traceback: str = ""


class LibrariesStage(msgspec.Struct, frozen=True):
    """What framework.py sends after the libraries were listed."""

    mapped: tuple[MappedLibrary, ...]
    runtime_cudnn: str | None


def start_framework(host: Host, target: Target, framework: str, options: ProbeOptions, turn_file: str) -> Stages:
    """Import the framework in a child process, list and use its GPUs; with `options.deep`, compute on them.

    Children that share `turn_file` import side by side and use the GPUs one after the other.
    """
    request = {
        "framework": framework,
        "python_path": python_path(host, target.variables),
        "with_user_site": uses_user_site(host),
        "deep": options.deep,
        "trace_after_seconds": host.timeout_seconds * _TRACE_BEFORE_DEADLINE,
        "turn_file": turn_file,
        "turn_seconds": host.timeout_seconds * _TURN_SHARE,
    }
    return run_inside(host, target, "framework.py", request)


def read_run(framework: str, stages: Stages, deep: bool) -> FrameworkRun:
    """Turn the stages into facts; what a stage that never came would have told is unknown, with the reason."""
    try:
        return _Reading(framework, stages, deep).run()
    except Unreadable as error:
        return _unknown_run(framework, str(error))


def _unknown_run(framework: str, reason: str) -> FrameworkRun:
    """Return a run of which nothing is known."""
    names = (name for name in FrameworkRun.__struct_fields__ if name != "framework")
    facts: dict[str, Any] = {name: unknown(reason, framework) for name in names}
    return FrameworkRun(framework=framework, **facts)


class _Reading:
    """The stages of one framework, on their way to facts."""

    def __init__(self, framework: str, stages: Stages, deep: bool) -> None:
        self.framework = framework
        self.stages = stages
        self.imported = stages.first("import", ImportStage)
        self.devices = stages.first("devices", DevicesStage)
        self.libraries = stages.first("libraries", LibrariesStage)
        self.deep = deep
        self.missing = self._missing_stage()

    def run(self) -> FrameworkRun:
        if self.stages.first("too_old", TooOld) is not None or (not self.stages.sent and not self._has_started()):
            return _unknown_run(self.framework, self.stages.why_ended)
        return FrameworkRun(
            framework=self.framework,
            **self._import_facts(),
            **self._ending_facts(),
            **self._device_facts(),
            **self._library_facts(),
            kernel_runs=self._kernel_runs(),
        )

    def _has_started(self) -> bool:
        """Whether the interpreter ran at all: it was killed, timed out, or ended by itself."""
        answer = self.stages.answer
        return answer.exit_code is not None or bool(answer.signal_name) or answer.failure.startswith("did not answer")

    def _missing_stage(self) -> str | None:
        """Return the first stage that did not end well, None when all did."""
        if self.imported is None or self.imported.error is not None:
            return "import"
        if self.devices is None or self.devices.raised is not None:
            return "devices"
        if self.libraries is None:
            return "libraries"
        return "kernels" if self.deep and not self.stages.has("kernels") else None

    def _source(self, question: str) -> str:
        return question if question.startswith("/") else f"{self.framework} in a child process: {question}"

    def _not_reached(self, question: str) -> Fact[T]:
        if self.imported is not None and self.imported.error is not None:
            reason = f"{self.framework} could not be imported: {self.imported.error.splitlines()[-1][:200]}"
        elif self.missing == "devices" and self.devices is not None and self.devices.raised:
            reason = f"{self.framework} raised when it was asked for GPUs: {self.devices.raised.splitlines()[-1][:200]}"
        else:
            reason = f"not reached: {_ending(self.stages)} in stage {self.missing}"
        return unknown(reason, self._source(question))

    def _of_import(self, question: str, value: Callable[[ImportStage], T | None]) -> Fact[T]:
        if self.imported is None or self.imported.error is not None:
            return self._not_reached(question)
        return known(value(self.imported), self._source(question))

    def _import_facts(self) -> dict[str, Any]:
        source = self._source("import")
        facts: dict[str, Any] = {
            "version": self._of_import("__version__", lambda stage: stage.version),
            "location": self._of_import("__file__", lambda stage: stage.location),
            "built_cuda": self._of_import("build's CUDA", lambda stage: stage.built_cuda),
            "built_rocm": self._of_import("build's ROCm", lambda stage: stage.built_rocm),
            "built_cudnn": self._of_import("build's cuDNN", lambda stage: stage.built_cudnn),
            "arch_list": self._of_import("build's code targets", lambda stage: stage.arch_list),
        }
        if self.framework == "jax" and not facts["arch_list"].is_unknown:
            facts["arch_list"] = unknown("jax does not say which code it holds", source)
        if self.imported is None:
            facts["import_error"] = facts["import_traceback"] = self._not_reached("import")
        else:
            facts["import_error"] = known(self.imported.error, source)
            facts["import_traceback"] = known(self.imported.traceback or None, source)
        return facts

    def _ending_facts(self) -> dict[str, Any]:
        source = self._source("its end")
        answer = self.stages.answer
        ended_well = self.stages.has("end")
        lines = answer.stderr.replace("\r\n", "\n").splitlines()[-_STDERR_LINES:]
        return {
            "exit_signal": absent(source) if ended_well else known(_ending(self.stages), source),
            "ended_in_stage": known(self.missing, source),
            "stderr_tail": known("\n".join(line[:2000] for line in lines), self._source("standard error")),
        }

    def _device_facts(self) -> dict[str, Any]:
        question = "one element on each GPU"
        source = self._source(question)
        stage = self.devices
        if stage is None:
            return {
                name: self._not_reached(question)
                for name in ("is_gpu_available", "gpu_error", "gpu_error_code", "devices")
            }
        if stage.raised is not None:
            return {
                "is_gpu_available": self._not_reached(question),
                "gpu_error": known(stage.raised, source),
                "gpu_error_code": known(error_number(stage.raised), source),
                "devices": self._not_reached(question),
            }
        error = stage.error or next((f"GPU {gpu.index}: {gpu.error}" for gpu in stage.devices if gpu.error), None)
        if error is None and not stage.is_available:
            error = next(iter(stage.warnings), None)
        numbers = (stage.error_code, *(gpu.error_code for gpu in stage.devices))
        given = next((number for number in numbers if number is not None), None)
        works = stage.is_available and any(not gpu.error for gpu in stage.devices)
        return {
            "is_gpu_available": known(works, source),
            "gpu_error": known(error, source),
            "gpu_error_code": known(given if given is not None else error_number(error or ""), source),
            "devices": known(tuple(_device(gpu) for gpu in stage.devices), source),
        }

    def _library_facts(self) -> dict[str, Any]:
        mapped: Fact[tuple[MappedLibrary, ...]]
        if self.libraries is not None:
            mapped = known(self.libraries.mapped, _MAPS)
            named = next(
                (library for library in self.libraries.mapped if library.soname.startswith("libcudnn.so")), None
            )
            version = self.libraries.runtime_cudnn or (named.version if named and named.version else None)
            return {"mapped_libraries": mapped, "runtime_cudnn": known(version, self._source("cuDNN's own version"))}
        if self.imported is not None:
            mapped = known(self.imported.mapped, f"{_MAPS} after the import")
        else:
            mapped = self._not_reached(_MAPS)
        return {"mapped_libraries": mapped, "runtime_cudnn": self._not_reached("cuDNN's own version")}

    def _kernel_runs(self) -> Fact[tuple[KernelRun, ...]]:
        question = "short computations"
        if not self.deep:
            return unknown("not asked for: --deep", self._source(question))
        if self.libraries is None:
            return self._not_reached(question)
        return known(self.stages.every("kernel", KernelRun), self._source(question))


def _device(sent: SentDevice) -> FrameworkDevice:
    return FrameworkDevice(
        index=sent.index,
        name=sent.name,
        compute_capability=sent.compute_capability,
        memory_total_bytes=sent.memory_total_bytes,
        error=sent.error,
    )


def _ending(stages: Stages) -> str:
    """Return SIGSEGV, timeout, or "exit 3"."""
    answer = stages.answer
    if answer.signal_name:
        return answer.signal_name
    if answer.failure:
        return "timeout" if answer.failure.startswith("did not answer") else answer.failure
    return f"exit {answer.exit_code}"


def error_number(text: str) -> int | None:
    """Return CUDA's error number where a message gives one, else None.

    torch 2.1: `Unexpected error from cudaGetDeviceCount(). ... Error 804: forward compatibility was attempted on non
    supported HW (function operator())`
    """
    found = _ERROR_NUMBER.search(text)
    return int(found[1]) if found else None
