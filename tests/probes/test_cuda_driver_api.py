"""The CUDA driver API probe against a real shared library at the C ABI."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from gpudoctor.facts.driver import CudaDevice
from gpudoctor.facts.snapshot import named_facts
from gpudoctor.probes.cuda_driver_api import probe_cuda_driver_api
from gpudoctor.probes.host import Host
from tests.bench.compile_fakes import has_real_library
from tests.probes.conftest import H100, RTX_4090, MakeHost


def _unknowns(record: object) -> dict[str, str]:
    return {name: fact.unknown for name, fact in named_facts(record) if fact.is_unknown}


def test_healthy_driver(fake_host: MakeHost) -> None:
    api = probe_cuda_driver_api(fake_host("version=12020", gpus=[RTX_4090, H100]))
    assert _unknowns(api) == {}
    assert api.library.need().endswith("/libcuda.so.1")
    assert (api.init_code.need(), api.init_name.is_absent) == (0, True)
    assert api.driver_version.need() == "12.2"
    first, second = api.devices.need()
    assert first == CudaDevice(
        index=0,
        name="NVIDIA GeForce RTX 4090",
        compute_capability="8.9",
        uuid="GPU-00000001-0000-4000-8000-000000000000",
        memory_total_bytes=24564 * 1024**2,
    )
    assert second.compute_capability == "9.0"


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (34, "CUDA_ERROR_STUB_LIBRARY"),
        (46, "CUDA_ERROR_DEVICE_UNAVAILABLE"),
        (100, "CUDA_ERROR_NO_DEVICE"),
        (802, "CUDA_ERROR_SYSTEM_NOT_READY"),
        (803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"),
        (804, "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE"),
        (999, "CUDA_ERROR_UNKNOWN"),
        (4711, "CUDA_ERROR_4711"),
    ],
)
def test_failed_init_is_known_with_code_and_name(fake_host: MakeHost, code: int, name: str) -> None:
    api = probe_cuda_driver_api(fake_host(f"error.cuInit={code}", "version=12020", gpus=[RTX_4090]))
    assert (api.init_code.need(), api.init_name.need()) == (code, name)
    assert api.driver_version.need() == "12.2"  # answered without cuInit
    assert api.device_count.unknown == f"cuInit: {name} ({code})"
    assert api.devices.is_unknown


def test_hidden_devices_are_seen_as_the_users_programs_see_them(fake_host: MakeHost) -> None:
    hidden = probe_cuda_driver_api(fake_host(gpus=[RTX_4090], CUDA_VISIBLE_DEVICES="7"))
    assert hidden.init_code.need() == 100
    second = probe_cuda_driver_api(fake_host(gpus=[RTX_4090, H100], CUDA_VISIBLE_DEVICES="1"))
    assert [device.name for device in second.devices.need()] == ["NVIDIA H100 80GB HBM3"]


def test_hang_in_init_leaves_the_version(fake_host: MakeHost) -> None:
    api = probe_cuda_driver_api(fake_host("hang.cuInit=1", gpus=[RTX_4090], timeout_seconds=1))
    assert api.driver_version.need() == "13.0"
    assert api.init_code.unknown == "the CUDA driver API cuInit did not answer within 1 s"
    assert api.devices.unknown == api.init_code.unknown


def test_crash_in_init(fake_host: MakeHost) -> None:
    api = probe_cuda_driver_api(fake_host("segfault.cuInit=1", gpus=[RTX_4090]))
    assert api.init_code.unknown == "killed by SIGSEGV in the CUDA driver API cuInit"
    assert api.library.need().endswith("/libcuda.so.1")


def test_one_device_that_does_not_answer_stays_empty(fake_host: MakeHost) -> None:
    api = probe_cuda_driver_api(fake_host("gpu0.error.cuDeviceGet=101", gpus=[RTX_4090, H100]))
    first, second = api.devices.need()
    assert first == CudaDevice(index=0)
    assert second.name == "NVIDIA H100 80GB HBM3"


def test_nonsense_version_is_unknown(fake_host: MakeHost) -> None:
    api = probe_cuda_driver_api(fake_host("version=0", gpus=[RTX_4090]))
    assert api.driver_version.unknown == "cuDriverGetVersion answered nonsense: CUDA version 0"
    assert api.device_count.need() == 1


@pytest.mark.skipif(has_real_library("libcuda.so.1"), reason="this machine has a real libcuda")
def test_library_that_is_not_there_is_absent(tmp_path: Path) -> None:
    api = probe_cuda_driver_api(Host(root=tmp_path, variables={}))
    assert api.library.is_absent
    assert api.init_code.is_absent
    assert api.init_name.is_unknown  # absent means success
    assert api.devices.unknown == "libcuda.so.1 was not found by the loader"


def test_foreign_library_without_the_symbols(fake_libraries: Path, tmp_path: Path) -> None:
    compiler = shutil.which("gcc") or shutil.which("cc")
    assert compiler is not None  # fake_libraries skips without one
    (tmp_path / "foreign.c").write_text("int something_else(void) { return 0; }\n")
    library = str(tmp_path / "libcuda.so.1")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, str(tmp_path / "foreign.c")], check=True)
    api = probe_cuda_driver_api(Host(root=tmp_path, variables={"LD_LIBRARY_PATH": str(tmp_path)}))
    assert api.library.need() == library
    assert api.init_code.unknown == "the library has no cuInit"
    assert api.init_name.unknown == "the library has no cuInit"
    assert api.driver_version.unknown == "the library has no cuDriverGetVersion"
    assert api.devices.unknown == "cuInit: the library has no cuInit"


def test_library_that_cannot_be_loaded_is_unknown_with_the_loaders_words(tmp_path: Path) -> None:
    (tmp_path / "libcuda.so.1").write_bytes(b"")
    api = probe_cuda_driver_api(Host(root=tmp_path, variables={"LD_LIBRARY_PATH": str(tmp_path)}))
    assert "file too short" in api.library.unknown
    assert "file too short" in api.init_code.unknown
