"""What the CUDA driver API (libcuda) answers to cuInit and its neighbours, asked in a child process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from gpudoctor.facts.driver import CudaDevice, CudaDriverApi
from gpudoctor.facts.fact import Fact, absent, known, unknown
from gpudoctor.probes import nvml_values as values
from gpudoctor.probes.host import Host
from gpudoctor.probes.library_child import Heard, ask_library, is_not_found

T = TypeVar("T")

_SONAME = "libcuda.so.1"
_NOT_FOUND = f"{_SONAME} was not found by the loader"


def probe_cuda_driver_api(host: Host) -> CudaDriverApi:
    """Return what the driver API says to a program with this process's environment. Never raises.

    A library that is not there makes the library absent, and with it the code and the version that only it could give.
    """
    heard = ask_library(host, "the CUDA driver API", "cuda_driver.py")
    library = heard.reply(None, "library")
    if library is None:
        return _unknown(heard.ending or "the CUDA driver API said nothing")
    if library.error:
        if is_not_found(library.error, _SONAME):
            return _not_found()
        return _unknown(f"{_SONAME} cannot be loaded: {library.error[:300]}")
    return CudaDriverApi(
        library=known(str(library.value), library.call),
        init_code=_init_code(heard),
        init_name=_init_name(heard),
        driver_version=_fact(heard, "driver_version", values.cuda_version),
        device_count=_fact(heard, "device_count", values.device_count),
        devices=_devices(heard),
    )


def _unknown(reason: str) -> CudaDriverApi:
    return CudaDriverApi(
        library=unknown(reason, "loader"),
        init_code=unknown(reason, "cuInit"),
        init_name=unknown(reason, "cuInit"),
        driver_version=unknown(reason, "cuDriverGetVersion"),
        device_count=unknown(reason, "cuDeviceGetCount"),
        devices=unknown(reason, "cuDeviceGet"),
    )


def _not_found() -> CudaDriverApi:
    return CudaDriverApi(
        library=absent(_NOT_FOUND),
        init_code=absent(_NOT_FOUND),
        init_name=unknown(_NOT_FOUND, "cuInit"),  # absent would read as success
        driver_version=absent(_NOT_FOUND),
        device_count=unknown(_NOT_FOUND, "cuDeviceGetCount"),
        devices=unknown(_NOT_FOUND, "cuDeviceGet"),
    )


def _init_code(heard: Heard) -> Fact[int]:
    reply = heard.reply(None, "init")
    if reply is None:
        return unknown(heard.ending, "cuInit")
    if not reply.error:
        return known(0, "cuInit")
    return unknown(reply.error, "cuInit") if reply.code is None else known(reply.code, "cuInit")


def _init_name(heard: Heard) -> Fact[str]:
    reply = heard.reply(None, "init")
    if reply is None:
        return unknown(heard.ending, "cuInit")
    if not reply.error:
        return absent("cuInit")
    return unknown(reply.error, "cuInit") if reply.code is None else known(reply.error, "cuInit")


def _why_missing(heard: Heard) -> str:
    reply = heard.reply(None, "init")
    if reply is not None and reply.error:
        return f"cuInit: {reply.error}" + (f" ({reply.code})" if reply.code is not None else "")
    return heard.ending or "the CUDA driver API said nothing"


def _fact(heard: Heard, key: str, convert: Callable[[Any], T]) -> Fact[T]:
    reply = heard.reply(None, key)
    if reply is None:
        return unknown(_why_missing(heard), "the CUDA driver API")
    if reply.error:
        return unknown(reply.error + (f" ({reply.code})" if reply.code is not None else ""), reply.call)
    try:
        return known(convert(reply.value), reply.call)
    except values.Nonsense as nonsense:
        return unknown(f"{reply.call} answered nonsense: {nonsense}", reply.call)


def _devices(heard: Heard) -> Fact[tuple[CudaDevice, ...]]:
    count = _fact(heard, "device_count", values.device_count)
    if count.unknown:
        return unknown(count.unknown, count.source)
    devices = []
    for index in range(count.need()):
        reply = heard.reply(index, "device")
        if reply is None:
            return unknown(heard.ending, f"cuDeviceGet({index})")
        devices.append(_device(index, {} if reply.error else reply.value))
    return known(tuple(devices), "cuDeviceGet")


def _device(index: int, raw: dict[str, Any]) -> CudaDevice:
    """Return a device; what the API did not say, or said impossibly, stays empty."""
    return CudaDevice(
        index=index,
        name=_or(raw.get("name"), values.text, ""),
        compute_capability=_or(raw.get("capability"), values.compute_capability, ""),
        uuid=raw.get("uuid") or "",
        memory_total_bytes=_or(raw.get("memory"), values.count_of_bytes, 0),
    )


def _or(raw: Any, convert: Callable[[Any], T], otherwise: T) -> T:
    try:
        return convert(raw)
    except (ValueError, TypeError):
        return otherwise
