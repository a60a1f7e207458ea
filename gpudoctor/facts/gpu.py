"""One GPU as NVML describes it; every field on its own, because each can fail on its own."""

from __future__ import annotations

from gpudoctor.facts.fact import Fact, Record, fact


class RowRemap(Record, frozen=True, kw_only=True):
    """Row remapping of HBM and GDDR memory (Ampere and newer)."""

    correctable: int
    uncorrectable: int
    is_pending: bool
    has_failed: bool


class MigInstance(Record, frozen=True, kw_only=True):
    """A MIG device."""

    uuid: str
    name: str = ""
    memory_total_bytes: int = 0


class NvLink(Record, frozen=True, kw_only=True):
    """One NVLink of a GPU."""

    index: int
    is_active: bool
    remote: str = ""  # gpu, switch, "" = not said


class GpuProcess(Record, frozen=True, kw_only=True):
    """A process on the GPU."""

    pid: int
    name: str = ""
    kind: str = "compute"  # compute, graphics
    memory_used_bytes: int | None = None  # None: the driver does not say


class Gpu(Record, frozen=True, kw_only=True):
    """One GPU, by NVML index."""

    index: int
    handle_error: Fact[str] = fact()  # NVML error on taking the handle, e.g. GPU_IS_LOST; absent: none
    name: Fact[str] = fact()
    uuid: Fact[str] = fact()
    serial: Fact[str] = fact()
    pci_address: Fact[str] = fact()  # 0000:01:00.0
    pci_device_id: Fact[int] = fact()  # 16 bits
    compute_capability: Fact[str] = fact()  # 8.6
    memory_total_bytes: Fact[int] = fact()
    memory_used_bytes: Fact[int] = fact()  # without the reserved part where NVML says it
    memory_reserved_bytes: Fact[int] = fact()
    temperature_celsius: Fact[int] = fact()
    slowdown_temperature_celsius: Fact[int] = fact()
    power_watts: Fact[float] = fact()
    power_limit_watts: Fact[float] = fact()
    power_limit_default_watts: Fact[float] = fact()
    sm_clock_mhz: Fact[int] = fact()
    sm_clock_max_mhz: Fact[int] = fact()
    memory_clock_mhz: Fact[int] = fact()
    clock_event_reasons: Fact[tuple[str, ...]] = fact()  # gpu_idle, sw_power_cap, hw_slowdown, sw_thermal_slowdown, ...
    utilization_percent: Fact[int] = fact()
    pcie_generation: Fact[int] = fact()
    pcie_generation_max: Fact[int] = fact()  # of card and slot together
    pcie_width: Fact[int] = fact()
    pcie_width_max: Fact[int] = fact()
    ecc_mode: Fact[str] = fact()  # enabled, disabled; absent: the card has none
    ecc_uncorrected_volatile: Fact[int] = fact()
    ecc_uncorrected_aggregate: Fact[int] = fact()
    retired_pages_double_bit: Fact[int] = fact()
    retired_pages_pending: Fact[bool] = fact()
    row_remap: Fact[RowRemap] = fact()
    persistence_mode: Fact[bool] = fact()
    compute_mode: Fact[str] = fact()  # default, exclusive_process, exclusive_thread, prohibited
    mig_mode: Fact[str] = fact()  # enabled, disabled; absent: the card has none
    mig_mode_pending: Fact[str] = fact()
    mig_instances: Fact[tuple[MigInstance, ...]] = fact()
    nvlinks: Fact[tuple[NvLink, ...]] = fact()  # empty: the card has none
    fabric_state: Fact[str] = fact()  # not_supported, not_started, in_progress, completed
    fabric_status: Fact[str] = fact()  # NVML name of the status once completed, SUCCESS or an error
    processes: Fact[tuple[GpuProcess, ...]] = fact()
    driver_model: Fact[str] = fact()  # Windows: WDDM, TCC, MCDM
