"""One GPU's record from what NVML answered; every field on its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from gpudoctor.facts.fact import Fact, absent, known, unknown
from gpudoctor.facts.gpu import Gpu, GpuProcess, MigInstance, NvLink, RowRemap
from gpudoctor.probes import nvml_values as values
from gpudoctor.probes.host import Host
from gpudoctor.probes.library_child import Heard, Reply

T = TypeVar("T")

_NOT_SUPPORTED = 3
_ALWAYS_THERE = frozenset({"name", "uuid", "compute_capability"})  # no GPU is without them; integrated ones lack PCI


def build_gpu(host: Host, heard: Heard, index: int) -> Gpu:
    """Return the record of GPU `index`; process names come from the host's /proc."""
    read = _Answers(heard, index)
    return Gpu(
        index=index,
        handle_error=_handle_error(heard, index),
        name=read.fact("name", values.text),
        uuid=read.fact("uuid", values.text),
        serial=read.fact("serial", values.text),
        pci_address=read.fact("pci", values.pci_address),
        pci_device_id=read.fact("pci", values.pci_device_id),
        compute_capability=read.fact("compute_capability", values.compute_capability),
        memory_total_bytes=read.fact("memory", values.memory_total_bytes),
        memory_used_bytes=read.fact("memory", values.memory_used_bytes),
        memory_reserved_bytes=_memory_reserved(read),
        temperature_celsius=read.fact("temperature", values.temperature_celsius),
        slowdown_temperature_celsius=read.fact("slowdown_temperature", values.temperature_celsius),
        power_watts=read.fact("power", values.watts),
        power_limit_watts=read.fact("power_limit", values.watts),
        power_limit_default_watts=read.fact("power_limit_default", values.watts),
        sm_clock_mhz=read.fact("sm_clock", values.clock_mhz),
        sm_clock_max_mhz=read.fact("sm_clock_max", values.clock_mhz),
        memory_clock_mhz=read.fact("memory_clock", values.clock_mhz),
        clock_event_reasons=read.fact("clock_event_reasons", values.clock_event_reasons),
        utilization_percent=read.fact("utilization", values.percent),
        pcie_generation=read.fact("pcie_generation", values.pcie_generation),
        pcie_generation_max=read.fact("pcie_generation_max", values.pcie_generation),
        pcie_width=read.fact("pcie_width", values.pcie_width),
        pcie_width_max=read.fact("pcie_width_max", values.pcie_width),
        ecc_mode=read.fact("ecc_mode", values.mode_now),
        ecc_uncorrected_volatile=read.fact("ecc_uncorrected_volatile", values.count),
        ecc_uncorrected_aggregate=read.fact("ecc_uncorrected_aggregate", values.count),
        retired_pages_double_bit=read.fact("retired_pages", values.count),
        retired_pages_pending=read.fact("retired_pages_pending", values.is_on),
        row_remap=read.fact("row_remap", _row_remap),
        persistence_mode=read.fact("persistence_mode", values.is_on),
        compute_mode=read.fact("compute_mode", values.compute_mode),
        mig_mode=read.fact("mig_mode", values.mode_now),
        mig_mode_pending=read.fact("mig_mode", values.mode_pending),
        mig_instances=_mig_instances(read),
        nvlinks=read.fact("nvlinks", _nvlinks),
        fabric_state=_fabric_state(read),
        fabric_status=_fabric_status(read),
        processes=read.fact("processes", lambda raw: _processes(host, raw)),
        driver_model=read.fact("driver_model", values.driver_model)
        if sys.platform == "win32"
        else absent("not Windows"),
    )


def _handle_error(heard: Heard, index: int) -> Fact[str]:
    source = f"NVML DeviceGetHandleByIndex({index})"
    reply = heard.reply(index, "handle")
    if reply is None:
        return unknown(heard.ending, source)
    return known(reply.error, source) if reply.error else absent(source)


class _Answers:
    """The answers about one GPU, as facts."""

    def __init__(self, heard: Heard, index: int) -> None:
        self._heard = heard
        self._index = index

    def reply(self, key: str) -> Reply | None:
        return self._heard.reply(self._index, key)

    def fact(self, key: str, convert: Callable[[Any], T]) -> Fact[T]:
        """Return the fact of an answer: absent where the card has no such thing, unknown where NVML failed or lied."""
        reply = self.reply(key)
        if reply is None:
            return unknown(self._why_none(), f"NVML GPU {self._index}")
        if reply.code == _NOT_SUPPORTED and key not in _ALWAYS_THERE:
            return absent(f"NVML {reply.call}")
        return reply_fact(reply, convert)

    def _why_none(self) -> str:
        handle = self.reply("handle")
        if handle is not None and handle.error:
            return f"{why_failed(handle.error)} on taking the GPU's handle"
        return self._heard.ending


def reply_fact(reply: Reply, convert: Callable[[Any], T]) -> Fact[T]:
    """Return what NVML answered to one question, unknown where the call failed or the answer cannot be."""
    source = f"NVML {reply.call}"
    if reply.error:
        return unknown(why_failed(reply.error), source)
    try:
        return known(convert(reply.value), source)
    except (ValueError, TypeError, KeyError, IndexError) as problem:
        return unknown(f"NVML answered nonsense: {problem}", source)


def why_failed(error: str) -> str:
    """Return the reason for an error's name, or for bytes that are no text."""
    kind, _, rest = error.partition(" ")
    return f"NVML answered nonsense: text {rest}" if kind == "NOT_TEXT" else f"NVML error {error}"


def _memory_reserved(read: _Answers) -> Fact[int]:
    reply = read.reply("memory")
    if reply is not None and not reply.error and reply.value.get("reserved") is None:
        return unknown("this driver's NVML counts it as used memory", f"NVML {reply.call}")
    return read.fact("memory", values.memory_reserved_bytes)


def _row_remap(raw: Any) -> RowRemap:
    correctable, uncorrectable, is_pending, has_failed = raw
    return RowRemap(
        correctable=values.count(correctable),
        uncorrectable=values.count(uncorrectable),
        is_pending=values.is_on(is_pending),
        has_failed=values.is_on(has_failed),
    )


def _nvlinks(raw: Any) -> tuple[NvLink, ...]:
    return tuple(
        NvLink(index=link, is_active=values.is_on(state), remote=values.link_end(remote)) for link, state, remote in raw
    )


def _mig_instances(read: _Answers) -> Fact[tuple[MigInstance, ...]]:
    mode = read.fact("mig_mode", values.mode_now)
    if mode.unknown:
        return unknown(mode.unknown, mode.source)
    if mode.value != "enabled":
        return known((), mode.source)
    found = read.fact("mig_instances", lambda raw: tuple(_mig_instance(item) for item in raw))
    return known((), found.source) if found.is_absent else found


def _mig_instance(raw: Any) -> MigInstance:
    memory = values.memory_total_bytes(raw["memory"]) if raw["memory"] else 0
    return MigInstance(uuid=values.text(raw["uuid"]), name=raw["name"] or "", memory_total_bytes=memory)


def _fabric_state(read: _Answers) -> Fact[str]:
    state = read.fact("fabric", values.fabric_state)
    return known("not_supported", state.source) if state.is_absent else state


def _fabric_status(read: _Answers) -> Fact[str]:
    state = read.fact("fabric", values.fabric_state)
    if state.unknown:
        return unknown(state.unknown, state.source)
    if state.value != "completed":
        return absent(state.source)  # NVML gives it a meaning only then
    return read.fact("fabric", lambda raw: values.text(raw["status_name"]))


def _processes(host: Host, raw: Any) -> tuple[GpuProcess, ...]:
    by_pid: dict[int, GpuProcess] = {}
    for pid, kind, memory_used_bytes in raw:
        if _is_our_child(pid):  # the frameworks and cuInit that other probes start at the same time
            continue
        if pid not in by_pid:  # compute comes first; some processes are in both lists
            by_pid[pid] = GpuProcess(
                pid=values.count(pid),
                name=_process_name(host, pid),
                kind=kind,
                memory_used_bytes=memory_used_bytes,
            )
    return tuple(by_pid.values())


def _is_our_child(pid: int) -> bool:
    """Whether a process descends from this one; never asked of the root's tree, which may be another machine's."""
    import psutil  # noqa: PLC0415  # slow, and only needed where the card has processes at all

    try:
        return any(parent.pid == os.getpid() for parent in psutil.Process(pid).parents())
    except (psutil.Error, OSError, ValueError):
        return False


def _process_name(host: Host, pid: int) -> str:
    """Return the kernel's name of a process, "" where it cannot be read (the number may be of another namespace)."""
    try:
        return (host.read_text(f"/proc/{pid}/comm") or "").strip()
    except OSError:
        return ""
