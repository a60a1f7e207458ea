"""The NVML probe against a real shared library at the C ABI."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from gpudoctor.facts.fact import Fact
from gpudoctor.facts.gpu import Gpu, GpuProcess, NvLink, RowRemap
from gpudoctor.facts.snapshot import named_facts
from gpudoctor.probes import nvml_gpu
from gpudoctor.probes.host import Host
from gpudoctor.probes.library_child import read_replies
from gpudoctor.probes.nvml import probe_nvml
from tests.bench.compile_fakes import has_real_library
from tests.probes.conftest import H100, RTX_4090, MakeHost

MIB = 1024**2


def _gpus(host: Host) -> tuple[Gpu, ...]:
    return probe_nvml(host)[1].need()


def _unknowns(record: object) -> dict[str, str]:
    return {name: fact.unknown for name, fact in named_facts(record) if fact.is_unknown}


def test_healthy_card_has_no_unknown_fact(fake_host: MakeHost) -> None:
    nvml, gpus = probe_nvml(fake_host("driver=580.95.05", "cuda=13000", gpus=[RTX_4090]))
    assert _unknowns(nvml) == {}
    assert nvml.library.need().endswith("/libnvidia-ml.so.1")
    assert nvml.library.source == "/proc/self/maps"
    assert (nvml.init_code.need(), nvml.init_error.is_absent) == (0, True)
    assert nvml.nvml_version.need() == "13.580.95.05"
    assert nvml.driver_version.need() == "580.95.05"
    assert nvml.cuda_version.need() == "13.0"
    (gpu,) = gpus.need()
    assert _unknowns(gpu) == {}
    assert gpu.handle_error.is_absent
    assert gpu.name == Fact("NVIDIA GeForce RTX 4090", "NVML DeviceGetName(0)")
    assert gpu.compute_capability.need() == "8.9"
    assert (gpu.pci_address.need(), gpu.pci_device_id.need()) == ("0000:01:00.0", 0x2684)
    assert gpu.memory_total_bytes.need() == 24564 * MIB
    assert gpu.clock_event_reasons.need() == ("gpu_idle",)
    assert (gpu.pcie_generation.need(), gpu.pcie_generation_max.need()) == (1, 4)
    assert gpu.ecc_mode.is_absent
    assert gpu.mig_mode.is_absent
    assert gpu.nvlinks.need() == ()
    assert gpu.fabric_state.need() == "not_supported"
    assert gpu.row_remap.need() == RowRemap(correctable=0, uncorrectable=0, is_pending=False, has_failed=False)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (1, "UNINITIALIZED"),
        (4, "NO_PERMISSION"),
        (9, "DRIVER_NOT_LOADED"),
        (12, "LIBRARY_NOT_FOUND"),
        (15, "GPU_IS_LOST"),
        (18, "LIB_RM_VERSION_MISMATCH"),
        (999, "UNKNOWN"),
        (4711, "code 4711"),
    ],
)
def test_init_error_is_known_with_code_and_name(fake_host: MakeHost, code: int, name: str) -> None:
    nvml, gpus = probe_nvml(fake_host(f"error.nvmlInit={code}", "driver=535.216.01", gpus=[RTX_4090]))
    assert nvml.init_code.need() == code
    assert nvml.init_error.need() == name
    assert nvml.nvml_version.need() == "13.535.216.01"  # the library's own version needs no driver
    assert gpus.unknown == f"NVML: {name} ({code})"
    assert nvml.driver_version.unknown == gpus.unknown


@pytest.mark.skipif(has_real_library("libnvidia-ml.so.1"), reason="this machine has a real NVML")
def test_library_that_is_not_there_is_absent(tmp_path: Path) -> None:
    nvml, gpus = probe_nvml(Host(root=tmp_path, variables={}))
    assert nvml.library.is_absent
    assert nvml.init_code.is_absent
    assert nvml.init_error.is_unknown  # absent means success
    assert gpus.unknown == "libnvidia-ml.so.1 was not found by the loader"


def test_library_that_cannot_be_loaded_is_unknown_with_the_loaders_words(tmp_path: Path) -> None:
    (tmp_path / "libnvidia-ml.so.1").touch()  # what an image leaves behind that was built with the driver mounted
    nvml, gpus = probe_nvml(Host(root=tmp_path, variables={"LD_LIBRARY_PATH": str(tmp_path)}))
    assert "file too short" in nvml.library.unknown
    assert "file too short" in gpus.unknown
    assert "file too short" in nvml.init_code.unknown


def test_one_failing_function_costs_one_field(fake_host: MakeHost) -> None:
    (gpu,) = _gpus(fake_host("error.nvmlDeviceGetPowerUsage=4", gpus=[RTX_4090]))
    assert _unknowns(gpu) == {"power_watts": "NVML error NO_PERMISSION"}


@pytest.mark.parametrize(
    ("function", "field"),
    [
        ("nvmlDeviceGetComputeRunningProcesses", "processes"),
        ("nvmlDeviceGetRemappedRows", "row_remap"),
        ("nvmlDeviceGetTemperatureThreshold", "slowdown_temperature_celsius"),
    ],
)
def test_function_that_an_older_library_lacks_costs_one_field(fake_host: MakeHost, function: str, field: str) -> None:
    (gpu,) = _gpus(fake_host(f"missing.{function}=1", gpus=[RTX_4090]))
    assert _unknowns(gpu) == {field: "NVML error FUNCTION_NOT_FOUND"}


def test_older_forms_of_functions_are_used(fake_host: MakeHost) -> None:
    lines = ["missing.nvmlDeviceGetMemoryInfo_v2=1", "missing.nvmlDeviceGetCurrentClocksEventReasons=1"]
    lines += ["missing.nvmlDeviceGetGpuFabricInfoV=1", "gpu0.fabric_state=2"]
    (gpu,) = _gpus(fake_host(*lines, gpus=[RTX_4090]))
    assert _unknowns(gpu) == {"memory_reserved_bytes": "this driver's NVML counts it as used memory"}
    assert gpu.memory_used_bytes.need() == 412 * MIB
    assert gpu.clock_event_reasons.need() == ("gpu_idle",)
    assert gpu.fabric_state.need() == "in_progress"


@pytest.mark.skipif(version("nvidia-ml-py") < "13", reason="nvidia-ml-py 12 has no nvmlDeviceGetTemperatureV")
def test_newer_form_of_the_temperature_is_used(fake_host: MakeHost) -> None:
    (gpu,) = _gpus(fake_host("missing.nvmlDeviceGetTemperature=1", gpus=[RTX_4090]))
    assert gpu.temperature_celsius.need() == 38


def test_hang_in_init_leaves_the_library_known(fake_host: MakeHost) -> None:
    nvml, gpus = probe_nvml(fake_host("hang.nvmlInit=1", gpus=[RTX_4090], timeout_seconds=1))
    assert nvml.library.need().endswith("/libnvidia-ml.so.1")
    assert nvml.init_code.unknown == "NVML Init did not answer within 1 s"
    assert gpus.unknown == "NVML Init did not answer within 1 s"


def test_hang_in_one_gpu_leaves_the_gpus_before_it(fake_host: MakeHost) -> None:
    host = fake_host("gpu1.hang.nvmlDeviceGetTemperature=1", gpus=[RTX_4090] * 3, timeout_seconds=1)
    first, second, third = _gpus(host)
    reason = "NVML DeviceGetTemperature(1) did not answer within 1 s"
    assert _unknowns(first) == {}
    assert second.name.need() == "NVIDIA GeForce RTX 4090"
    assert second.temperature_celsius.unknown == reason
    assert third.name.unknown == reason
    assert third.handle_error.unknown == reason


def test_crash_in_one_gpu_leaves_the_gpus_before_it(fake_host: MakeHost) -> None:
    nvml, gpus = probe_nvml(fake_host("gpu1.segfault.nvmlDeviceGetPowerUsage=1", gpus=[RTX_4090] * 2))
    first, second = gpus.need()
    assert _unknowns(nvml) == {}
    assert _unknowns(first) == {}
    assert second.compute_capability.need() == "8.9"
    assert second.power_watts.unknown == "killed by SIGSEGV in NVML DeviceGetPowerUsage(1)"
    assert second.processes.unknown == second.power_watts.unknown


def test_crash_in_init(fake_host: MakeHost) -> None:
    nvml, gpus = probe_nvml(fake_host("segfault.nvmlInit=1", gpus=[RTX_4090]))
    assert nvml.init_code.unknown == "killed by SIGSEGV in NVML Init"
    assert gpus.unknown == "killed by SIGSEGV in NVML Init"


@pytest.mark.parametrize(("code", "name"), [(15, "GPU_IS_LOST"), (999, "UNKNOWN")])
def test_one_lost_gpu_of_eight(fake_host: MakeHost, code: int, name: str) -> None:
    gpus = _gpus(fake_host(f"gpu3.error.nvmlDeviceGetHandleByIndex={code}", gpus=[H100] * 8))
    assert [gpu.index for gpu in gpus] == list(range(8))
    lost = gpus[3]
    assert lost.handle_error.need() == name
    reasons = _unknowns(lost)
    assert set(reasons.values()) == {f"NVML error {name} on taking the GPU's handle"}
    assert set(reasons) == {field for field, _ in named_facts(lost)} - {"handle_error", "driver_model"}
    assert all(_unknowns(gpu) == {} for gpu in gpus if gpu.index != 3)


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("gpu0.mem_total=0", {"memory_total_bytes", "memory_used_bytes", "memory_reserved_bytes"}),
        ("gpu0.mem_used=99999999999999", {"memory_used_bytes"}),
        ("gpu0.temp=10000", {"temperature_celsius"}),
        ("gpu0.temp=-40", {"temperature_celsius"}),
        ("gpu0.cc=0.0", {"compute_capability"}),
        ("gpu0.name=\\xff\\xfe", {"name"}),
        ("gpu0.name=", {"name"}),
        ("gpu0.pcie_width=0", {"pcie_width"}),
        ("gpu0.pcie_gen=4294967295", {"pcie_generation"}),
        ("gpu0.power_mw=4294967295", {"power_watts"}),
        ("gpu0.utilization=101", {"utilization_percent"}),
        ("gpu0.remap=0,-3,0,0", {"row_remap"}),
        ("gpu0.compute_mode=77", {"compute_mode"}),
        ("gpu0.clock_reasons=0xffffffffffffffff", {"clock_event_reasons"}),
        ("gpu0.nvlink=1,9", {"nvlinks"}),
        ("gpu0.fabric_state=88", {"fabric_state", "fabric_status"}),
        ("gpu0.pci_device_id=0", {"pci_device_id"}),
    ],
)
def test_nonsense_about_a_gpu_is_unknown(fake_host: MakeHost, line: str, fields: set[str]) -> None:
    key = line.partition("=")[0].removeprefix("gpu0.")
    card = {name: value for name, value in RTX_4090.items() if name != key}
    (gpu,) = _gpus(fake_host(line, gpus=[card]))
    unknowns = _unknowns(gpu)
    assert set(unknowns) == fields
    assert all(reason.startswith("NVML answered nonsense: ") for reason in unknowns.values())


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("driver=", "driver_version"),
        ("driver=\\xff", "driver_version"),
        ("cuda=0", "cuda_version"),
        ("count=-1", "device_count"),
    ],
)
def test_nonsense_about_the_driver_is_unknown(fake_host: MakeHost, line: str, field: str) -> None:
    nvml, gpus = probe_nvml(fake_host(line, "nvml=13.580.95.05", gpus=[RTX_4090]))
    unknowns = _unknowns(nvml)
    assert set(unknowns) == {field}
    assert unknowns[field].startswith("NVML answered nonsense: ")
    assert gpus.is_unknown == (field == "device_count")


def test_no_gpu_at_all_is_an_empty_list(fake_host: MakeHost) -> None:
    nvml, gpus = probe_nvml(fake_host())
    assert nvml.device_count.need() == 0
    assert gpus.need() == ()


def test_mig_instances(fake_host: MakeHost) -> None:
    off, without, two = _gpus(
        fake_host("gpu1.mig=1", "gpu2.mig=1", "gpu2.mig_instances=2", "gpu0.mig_pending=1", gpus=[H100] * 3)
    )
    assert (off.mig_mode.need(), off.mig_mode_pending.need(), off.mig_instances.need()) == ("disabled", "enabled", ())
    assert (without.mig_mode.need(), without.mig_instances.need()) == ("enabled", ())
    instances = two.mig_instances.need()
    assert [instance.uuid[:12] for instance in instances] == ["MIG-00000003"] * 2
    assert instances[0].name.endswith("MIG 1g.10gb")
    assert instances[0].memory_total_bytes == 9856 * MIB


def test_processes_have_names_where_proc_tells_them(fake_host: MakeHost, tmp_path: Path) -> None:
    (tmp_path / "proc/41").mkdir(parents=True)
    (tmp_path / "proc/41/comm").write_text("python3\n")
    lines = ["gpu0.processes=41:1048576,42:0xffffffffffffffff", "gpu0.graphics_processes=41:1048576,43:2097152"]
    (gpu,) = _gpus(fake_host(*lines, gpus=[RTX_4090]))
    assert gpu.processes.need() == (
        GpuProcess(pid=41, name="python3", memory_used_bytes=1048576),
        GpuProcess(pid=42, memory_used_bytes=None),
        GpuProcess(pid=43, kind="graphics", memory_used_bytes=2097152),
    )


def test_links_fabric_and_errors_of_a_data_centre_card(fake_host: MakeHost) -> None:
    lines = ["gpu0.nvlink=1,0,1", "gpu0.nvlink_remote=2", "gpu0.fabric_state=3", "gpu0.fabric_status=999"]
    sick = ["gpu0.ecc_uncorrected=2", "gpu0.remap=0,3,1,0", "gpu0.clock_reasons=0x2c8", "gpu0.compute_mode=3"]
    (gpu,) = _gpus(fake_host(*lines, *sick, gpus=[H100]))
    assert gpu.nvlinks.need() == (
        NvLink(index=0, is_active=True, remote="switch"),
        NvLink(index=1, is_active=False),
        NvLink(index=2, is_active=True, remote="switch"),
    )
    assert (gpu.fabric_state.need(), gpu.fabric_status.need()) == ("completed", "UNKNOWN")
    assert (gpu.ecc_mode.need(), gpu.ecc_uncorrected_volatile.need()) == ("enabled", 2)
    assert gpu.row_remap.need() == RowRemap(correctable=0, uncorrectable=3, is_pending=True, has_failed=False)
    assert gpu.clock_event_reasons.need() == (
        "hw_slowdown",
        "hw_thermal_slowdown",
        "hw_power_brake_slowdown",
        "board_limit",
    )
    assert gpu.compute_mode.need() == "exclusive_process"


def test_pages_retired_on_an_older_card(fake_host: MakeHost) -> None:
    card = {"name": "Tesla V100-SXM2-16GB", "cc": "7.0", "retired_double_bit": "3", "retired_pending": "1"}
    (gpu,) = _gpus(fake_host(gpus=[card]))
    assert (gpu.retired_pages_double_bit.need(), gpu.retired_pages_pending.need()) == (3, True)
    assert gpu.row_remap.is_absent


def test_card_with_the_systems_own_memory_has_none(fake_host: MakeHost) -> None:
    (gpu,) = _gpus(fake_host(gpus=[{"name": "NVIDIA GB10", "cc": "12.1", "mem_total": "not_supported"}]))
    assert gpu.memory_total_bytes.is_absent
    assert _unknowns(gpu) == {}


def test_missing_pynvml_is_a_reason(fake_host: MakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    nvml, gpus = probe_nvml(fake_host(gpus=[RTX_4090]))
    assert gpus.unknown == "the Python module pynvml (nvidia-ml-py) was not found"
    assert set(_unknowns(nvml).values()) == {gpus.unknown}


def test_gpu_of_a_module_without_pci(fake_host: MakeHost) -> None:
    (gpu,) = _gpus(fake_host("error.nvmlDeviceGetPciInfo=3", gpus=[{"name": "Orin (nvgpu)", "cc": "8.7"}]))
    assert gpu.pci_address.is_absent
    assert _unknowns(gpu) == {}


def test_replies_survive_what_a_library_prints() -> None:
    output = 'noise\nM {"gpu": null, "asking": "Init"}\nM {"gpu": null, "key": "init", "call": "Init", "value": 0}\n'
    heard = read_replies(output + 'other {"gpu": 1}\nM {"gpu": 0, "asking": "X(0)"}\nM {"gpu": 0, "ke', "M")
    assert heard.last_asked == "X(0)"
    reply = heard.reply(None, "init")
    assert reply is not None
    assert (reply.value, reply.error) == (0, "")
    assert len(heard.replies) == 1


def test_our_own_children_are_not_processes_of_the_card() -> None:
    with subprocess.Popen(["/bin/sleep", "30"]) as child:
        try:
            seen = nvml_gpu._processes(Host(), [(child.pid, "compute", 1024), (1, "compute", 2048)])
        finally:
            child.kill()
    assert [(process.pid, process.memory_used_bytes) for process in seen] == [(1, 2048)]
