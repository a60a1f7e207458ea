"""What NVML says of the driver and of every GPU, asked in a child process."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from gpudoctor.facts.driver import Nvml
from gpudoctor.facts.fact import Fact, absent, known, unknown
from gpudoctor.facts.gpu import Gpu
from gpudoctor.probes.host import Host
from gpudoctor.probes.library_child import Heard, ask_library, is_not_found
from gpudoctor.probes.nvml_gpu import build_gpu, reply_fact, why_failed
from gpudoctor.probes.nvml_values import cuda_version, device_count, version_text

T = TypeVar("T")

_SONAME = "libnvidia-ml.so.1"
_NOT_FOUND = f"{_SONAME} was not found by the loader"


def probe_nvml(host: Host) -> tuple[Nvml, Fact[tuple[Gpu, ...]]]:
    """Return what NVML says; GPUs are unknown with the reason where NVML does not work. Never raises.

    A library that is not there makes the library absent, and with it the code and the versions that only it could
    give. Facts' sources name the NVML function without its prefix: "NVML DeviceGetName(0)".
    """
    folder = _pynvml_folder()
    if folder is None:
        return _unknown("the Python module pynvml (nvidia-ml-py) was not found")
    heard = ask_library(host, "NVML", "nvml.py", [folder])
    library = heard.reply(None, "library")
    if library is None:
        return _unknown(heard.ending or "NVML said nothing")
    if library.error:
        return _not_found() if is_not_found(library.error, _SONAME) else _unknown(_cannot_load(library.error))
    nvml = Nvml(
        library=known(str(library.value), library.call),
        init_code=_init_code(heard),
        init_error=_init_error(heard),
        nvml_version=_system_fact(heard, "nvml_version", version_text),
        driver_version=_system_fact(heard, "driver_version", version_text),
        cuda_version=_system_fact(heard, "cuda_version", cuda_version),
        device_count=_system_fact(heard, "device_count", device_count),
    )
    return nvml, _gpus(host, heard, nvml)


def _pynvml_folder() -> str | None:
    try:
        spec = importlib.util.find_spec("pynvml")
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    origin = Path(spec.origin)
    return str(origin.parent.parent if origin.name == "__init__.py" else origin.parent)


def _cannot_load(complaint: str) -> str:
    return f"{_SONAME} cannot be loaded: {complaint[:300]}"


def _unknown(reason: str) -> tuple[Nvml, Fact[tuple[Gpu, ...]]]:
    nvml = Nvml(
        library=unknown(reason, "NVML"),
        init_code=unknown(reason, "NVML Init"),
        init_error=unknown(reason, "NVML Init"),
        nvml_version=unknown(reason, "NVML SystemGetNVMLVersion"),
        driver_version=unknown(reason, "NVML SystemGetDriverVersion"),
        cuda_version=unknown(reason, "NVML SystemGetCudaDriverVersion"),
        device_count=unknown(reason, "NVML DeviceGetCount"),
    )
    return nvml, unknown(reason, "NVML")


def _not_found() -> tuple[Nvml, Fact[tuple[Gpu, ...]]]:
    nvml = Nvml(
        library=absent(_NOT_FOUND),
        init_code=absent(_NOT_FOUND),
        init_error=unknown(_NOT_FOUND, "NVML Init"),  # absent would read as success
        nvml_version=absent(_NOT_FOUND),
        driver_version=absent(_NOT_FOUND),
        cuda_version=absent(_NOT_FOUND),
        device_count=unknown(_NOT_FOUND, "NVML DeviceGetCount"),
    )
    return nvml, unknown(_NOT_FOUND, "NVML")


def _init_code(heard: Heard) -> Fact[int]:
    reply = heard.reply(None, "init")
    if reply is None:
        return unknown(heard.ending, "NVML Init")
    if not reply.error:
        return known(0, "NVML Init")
    return unknown(why_failed(reply.error), "NVML Init") if reply.code is None else known(reply.code, "NVML Init")


def _init_error(heard: Heard) -> Fact[str]:
    reply = heard.reply(None, "init")
    if reply is None:
        return unknown(heard.ending, "NVML Init")
    return known(reply.error, "NVML Init") if reply.error else absent("NVML Init")


def _why_not_initialised(heard: Heard) -> str:
    reply = heard.reply(None, "init")
    if reply is None or not reply.error:
        return heard.ending or "NVML said nothing"
    return f"NVML: {reply.error}" + (f" ({reply.code})" if reply.code is not None else "")


def _system_fact(heard: Heard, key: str, convert: Callable[[Any], T]) -> Fact[T]:
    reply = heard.reply(None, key)
    if reply is None:
        return unknown(_why_not_initialised(heard), "NVML")
    return reply_fact(reply, convert)


def _gpus(host: Host, heard: Heard, nvml: Nvml) -> Fact[tuple[Gpu, ...]]:
    if nvml.device_count.unknown:
        return unknown(nvml.device_count.unknown, nvml.device_count.source)
    indexes = range(nvml.device_count.need())
    return known(tuple(build_gpu(host, heard, index) for index in indexes), "NVML DeviceGetHandleByIndex")
