"""Frameworks in child processes: stubs that answer as builds do, and those that crash, hang, flood and fork."""

from __future__ import annotations

import os
import runpy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from gpudoctor.facts.environment import FrameworkDevice, FrameworkRun
from gpudoctor.probes.environments import probe_environment
from gpudoctor.probes.frameworks import error_number, read_run
from gpudoctor.probes.host import Answer, Host
from gpudoctor.probes.inside_stages import Stages, parse_stages
from gpudoctor.probes.targets import ProbeOptions, Target
from tests.bench.stub_environment import build_stub_environment, site_folder

Start = Callable[..., FrameworkRun]
TORCH: dict[str, Any] = {
    "version": "2.11.0+cu130",
    "cuda": "13.0",
    "arch_list": ["sm_80", "sm_90", "compute_90"],
    "cudnn": "9.15.1",
    "device_name": "NVIDIA GeForce RTX 4090",
    "capability": "8.9",
}


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Return a function that builds an environment from a table and returns its first framework's run."""

    def run(table: Mapping[str, Any], *, deep: bool = False, seconds: float = 20.0, **variables: str) -> FrameworkRun:
        folder = build_stub_environment(tmp_path / "environment", table)
        base = {"HOME": str(tmp_path), "PATH": os.defpath}
        host = Host(variables={**base, **variables}, timeout_seconds=seconds)
        options = ProbeOptions(deep=deep, working_directory=tmp_path)
        return probe_environment(host, Target(str(folder / "bin/python"), "--python"), options).runs[0]

    return run


def test_torch_that_works(start: Start) -> None:
    run = start({"torch": TORCH})
    assert run.framework == "torch"
    assert run.version.need() == "2.11.0+cu130"
    assert run.location.need().endswith("torch/__init__.py")
    assert run.import_error.is_absent
    assert run.exit_signal.is_absent
    assert run.ended_in_stage.is_absent
    assert run.built_cuda.need() == "13.0"
    assert run.built_rocm.is_absent
    assert run.built_cudnn.need() == run.runtime_cudnn.need() == "9.15.1"
    assert run.arch_list.need() == ("sm_80", "sm_90", "compute_90")
    assert run.is_gpu_available.need() is True
    assert run.gpu_error.is_absent
    (device,) = run.devices.need()
    assert device == FrameworkDevice(
        index=0, name="NVIDIA GeForce RTX 4090", compute_capability="8.9", memory_total_bytes=8 << 30
    )
    assert run.kernel_runs.unknown == "not asked for: --deep"


def test_torch_says_why_it_has_no_gpu(start: Start) -> None:
    error = (
        "Unexpected error from cudaGetDeviceCount(). Error 804: forward compatibility was attempted on non supported HW"
    )
    run = start({"torch": {**TORCH, "available": False, "error": error}})
    assert run.is_gpu_available.need() is False
    assert run.gpu_error.need() == error
    assert run.gpu_error_code.need() == 804
    assert run.arch_list.need() == ("sm_80", "sm_90", "compute_90")
    assert run.ended_in_stage.is_absent


def test_torch_without_cuda(start: Start) -> None:
    run = start({"torch": {"version": "2.13.0+cpu"}})
    assert run.built_cuda.is_absent
    assert run.gpu_error.need() == "Torch not compiled with CUDA enabled"
    assert run.runtime_cudnn.is_absent


def test_a_device_on_which_nothing_can_be_made(start: Start) -> None:
    error = "CUDA error: no kernel image is available for execution on the device"
    advice = "\nCUDA kernel errors might be asynchronously reported at some other API call"
    run = start({"torch": {**TORCH, "device_error": error + advice}})
    assert run.is_gpu_available.need() is False
    assert run.gpu_error.need() == f"GPU 0: {error}"
    assert run.devices.need()[0].error == error


def test_warnings_are_evidence(start: Start) -> None:
    warning = "NVIDIA GeForce RTX 5090 with CUDA capability sm_120 is not compatible with the current installation"
    run = start({"torch": {**TORCH, "warning": warning}})
    assert warning in run.stderr_tail.need()
    assert run.gpu_error.is_absent


def test_tensorflow(start: Start) -> None:
    table = {
        "version": "2.21.0",
        "cuda": "12.5.1",
        "cudnn": "9",
        "compute_capabilities": ["sm_60", "compute_90"],
        "device_name": "Tesla T4",
        "capability": "7.5",
        "stderr": "Cannot dlopen some GPU libraries.\n",
    }
    run = start({"tensorflow": table})
    assert run.framework == "tensorflow"
    assert (run.version.need(), run.built_cuda.need(), run.built_cudnn.need()) == ("2.21.0", "12.5.1", "9")
    assert run.arch_list.need() == ("sm_60", "compute_90")
    assert run.devices.need()[0].compute_capability == "7.5"
    assert run.stderr_tail.need() == "Cannot dlopen some GPU libraries."


def test_jax_that_falls_back_to_the_cpu(start: Start) -> None:
    error = "Unable to initialize backend 'cuda': no supported devices found"
    run = start({"jax": {"version": "0.8.0", "error": error}})
    assert run.is_gpu_available.need() is False
    assert run.gpu_error.need() == error
    assert run.arch_list.is_unknown


def test_cupy_gives_the_number_of_the_error(start: Start) -> None:
    error = "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version"
    run = start({"cupy": {"version": "13.6.0", "cuda": "12.4", "error": error, "error_code": 35}})
    assert run.built_cuda.need() == "12.4"
    assert run.gpu_error.need() == error
    assert run.gpu_error_code.need() == 35


@pytest.mark.parametrize(
    ("fault", "signal"), [("abort", "SIGABRT"), ("segfault", "SIGSEGV"), ("sigill", "SIGILL"), ("exits", "exit 3")]
)
def test_import_that_ends_the_process(start: Start, fault: str, signal: str) -> None:
    run = start({"torch": TORCH, "misbehaviour": fault})
    assert run.exit_signal.need() == signal
    assert run.ended_in_stage.need() == "import"
    assert run.version.unknown == f"not reached: {signal} in stage import"
    assert run.import_error.is_unknown
    assert run.devices.is_unknown


@pytest.mark.parametrize("fault", ["abort", "segfault", "sigill", "exits"])
def test_what_was_said_before_a_crash_is_kept(start: Start, fault: str) -> None:
    run = start({"torch": TORCH, "misbehaviour": {"what": fault, "at": "devices"}})
    assert run.ended_in_stage.need() == "devices"
    assert not run.exit_signal.is_absent
    assert run.import_error.is_absent
    assert run.version.need() == "2.11.0+cu130"
    assert run.arch_list.need() == ("sm_80", "sm_90", "compute_90")
    assert run.mapped_libraries.need() == ()
    assert run.is_gpu_available.is_unknown
    assert run.runtime_cudnn.is_unknown


def test_last_words_of_an_abort(start: Start) -> None:
    words = "OMP: Error #15: Initializing libiomp5.so, but found libiomp5.so already initialized.\n"
    run = start({"torch": TORCH, "misbehaviour": {"what": "abort", "text": words}})
    assert words.strip() in run.stderr_tail.need()
    assert len(run.stderr_tail.need().splitlines()) <= 40


@pytest.mark.parametrize("stage", ["import", "devices"])
def test_hang_is_ended_and_its_place_is_told(start: Start, stage: str) -> None:
    run = start({"torch": TORCH, "misbehaviour": {"what": "hang", "at": stage}}, seconds=2.0)
    assert run.exit_signal.need() == "timeout"
    assert run.ended_in_stage.need() == stage
    assert run.is_gpu_available.unknown == f"not reached: timeout in stage {stage}"
    assert "_stub.py" in run.stderr_tail.need()


def test_import_that_raises(start: Start) -> None:
    run = start({"torch": TORCH, "misbehaviour": "raises"})
    missing = "libcudart.so.12: cannot open shared object file: No such file or directory"
    assert run.import_error.need() == f"ImportError: {missing}"
    assert run.import_traceback.need().startswith("Traceback")
    assert run.exit_signal.is_absent
    assert run.ended_in_stage.need() == "import"
    assert run.version.unknown == f"torch could not be imported: ImportError: {missing}"


def test_question_for_devices_that_raises(start: Start) -> None:
    text = "RuntimeError: CUDA unknown error, Error 999: unknown error"
    run = start({"torch": TORCH, "misbehaviour": {"what": "raises", "at": "devices", "text": text}})
    assert run.gpu_error.need() == text
    assert run.gpu_error_code.need() == 999
    assert run.is_gpu_available.is_unknown
    assert run.ended_in_stage.need() == "devices"
    assert run.runtime_cudnn.need() == "9.15.1"


@pytest.mark.parametrize("stage", ["import", "devices"])
@pytest.mark.parametrize("fault", ["prints", "flood", "forks"])
def test_noise_changes_no_fact(start: Start, fault: str, stage: str) -> None:
    run = start({"torch": TORCH, "misbehaviour": {"what": fault, "at": stage}})
    assert run.version.need() == "2.11.0+cu130"
    assert run.is_gpu_available.need() is True
    assert run.exit_signal.is_absent
    assert run.ended_in_stage.is_absent


def test_end_of_a_flood_is_kept(start: Start) -> None:
    run = start({"torch": TORCH, "misbehaviour": "flood"})
    assert run.stderr_tail.need().endswith("the last line")
    assert len(run.stderr_tail.need()) < 100_000


def test_deep_that_cannot_begin_is_an_outcome(start: Start) -> None:
    table = {"version": "13.6.0", "device_name": "Tesla T4", "capability": "7.5"}
    run = start({"cupy": table}, deep=True)  # there is no numpy for it
    (outcome,) = run.kernel_runs.need()
    assert (outcome.device, outcome.operation, outcome.is_correct) == (0, "preparation", None)
    assert outcome.error == "ModuleNotFoundError: No module named 'numpy'"
    assert run.ended_in_stage.is_absent


def test_folder_without_code_is_no_framework(tmp_path: Path) -> None:
    folder = build_stub_environment(tmp_path / "environment", {})
    (site_folder(folder) / "torch/lib").mkdir(parents=True)
    host = Host(variables={"HOME": str(tmp_path), "PATH": os.defpath}, timeout_seconds=20)
    options = ProbeOptions(working_directory=tmp_path)
    assert probe_environment(host, Target(str(folder / "bin/python"), "--python"), options).runs == ()


def test_package_whose_module_is_gone(start: Start) -> None:
    run = start({"packages": {"torch": "2.11.0"}})
    assert run.import_error.need() == "ModuleNotFoundError: No module named 'torch'"


def test_all_frameworks_of_an_environment_are_started(tmp_path: Path) -> None:
    table = {
        "torch": TORCH,
        "jax": {"version": "0.8.0"},
        "tensorflow": {"version": "2.21.0"},
        "cupy": {"version": "13"},
    }
    folder = build_stub_environment(
        tmp_path / "environment", {**table, "misbehaviour": {"what": "abort", "framework": "jax"}}
    )
    host = Host(variables={"HOME": str(tmp_path), "PATH": os.defpath}, timeout_seconds=20)
    options = ProbeOptions(working_directory=tmp_path)
    environment = probe_environment(host, Target(str(folder / "bin/python"), "--python"), options)
    assert [run.framework for run in environment.runs] == ["torch", "tensorflow", "jax", "cupy"]
    assert [run.exit_signal.peek() for run in environment.runs] == [None, None, "SIGABRT", None]


def test_frameworks_use_the_gpus_one_after_the_other(tmp_path: Path) -> None:
    use = (  # as a GPU in exclusive mode does: the second process is refused
        "import os, time\n"
        f"os.close(os.open({str(tmp_path / 'busy')!r}, os.O_CREAT | os.O_EXCL))\n"
        "time.sleep(0.3)\n"
        f"os.unlink({str(tmp_path / 'busy')!r})\n"
    )
    tensorflow = {"version": "2.21.0", "device_name": "Tesla T4", "capability": "7.5"}
    packages = {"numpy": {"version": "2.3.4", "files": {"exclusive.py": use}}}
    folder = build_stub_environment(
        tmp_path / "environment", {"torch": TORCH, "tensorflow": tensorflow, "packages": packages}
    )
    for name in ("torch/cuda.py", "tensorflow/__init__.py"):
        path = site_folder(folder) / name
        path.write_text(path.read_text().replace('misbehave("devices", _answers)', "import exclusive"))
    host = Host(variables={"HOME": str(tmp_path), "PATH": os.defpath}, timeout_seconds=20)
    options = ProbeOptions(working_directory=tmp_path)
    environment = probe_environment(host, Target(str(folder / "bin/python"), "--python"), options)
    assert [(run.framework, run.gpu_error.peek()) for run in environment.runs] == [
        ("torch", None),
        ("tensorflow", None),
    ]


def test_torch_of_the_working_directory_is_not_imported(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text("raise SystemExit('the working directory was imported')")
    monkeypatch.chdir(tmp_path)
    assert start({"torch": TORCH}, PYTHONPATH=".").version.need() == "2.11.0+cu130"


def test_torch_of_python_path_goes_before_the_environments(start: Start, tmp_path: Path) -> None:
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra/torch.py").write_text("import nothing_of_that_name\n")
    run = start({"torch": TORCH}, PYTHONPATH=str(tmp_path / "extra"))
    assert run.import_error.need() == "ModuleNotFoundError: No module named 'nothing_of_that_name'"


def test_answers_of_another_shape_are_unknown() -> None:
    sent = ({"stage": "import", "version": 2.11, "mapped": []},)
    run = read_run("torch", Stages(sent, Answer(("python",), 0)), deep=False)
    assert "malformed" in run.version.unknown
    assert run.import_error.is_unknown
    assert run.devices.is_unknown


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Unexpected error from cudaGetDeviceCount(). Error 804: forward compatibility was attempted", 804),
        ("CUDA unknown error - this may be due to an incorrectly set up environment", None),
        ("CUDA driver initialization failed, you might not have a CUDA gpu.", None),
        ("The NVIDIA driver on your system is too old (found version 12040).", None),
        ("Error 36: API call is not supported in the installed CUDA driver", 36),
    ],
)
def test_error_numbers(text: str, number: int | None) -> None:
    assert error_number(text) == number


def test_stages_among_anything_else() -> None:
    text = 'noise T {"stage": "a"} T\nT broken T\nT {"stage": "b"} T more\n{"stage": "c"}\nT {"stage": "d"'
    assert [record["stage"] for record in parse_stages(text, "T")] == ["a", "b"]


def test_names_and_versions_of_mapped_libraries() -> None:
    inside = runpy.run_path(str(Path(__file__).parents[2] / "gpudoctor/probes/inside/inside_libraries.py"))
    sonames = {
        "/x/libcudart.so.12.4.127": "libcudart.so.12",
        "/x/libcudart-80664282.so.10.2": "libcudart.so.10.2",
        "/x/libcuda.so.535.104.05": "libcuda.so.1",
        "/x/libcudnn_ops.so.9": "libcudnn_ops.so.9",
    }
    assert {path: inside["_soname"](path) for path in sonames} == sonames
    assert inside["cudnn_version"](90102) == "9.1.2"
    assert inside["cudnn_version"](8907) == "8.9.7"
    assert inside["_nccl"](22803) == "2.28.3"
    assert inside["_cublas"](120905) == "12.9.5"


def test_libraries_that_the_child_has_mapped(start: Start, fake_libraries: Path, tmp_path: Path) -> None:
    (tmp_path / "answers").touch()
    variables = {"LD_LIBRARY_PATH": str(fake_libraries), "FAKE_CUDA": str(tmp_path / "answers")}
    load = "import ctypes; ctypes.CDLL('libcuda.so.1')"
    table = {"torch": TORCH, "packages": {"numpy": {"version": "2.3.4", "files": {"zz.pth": load + "\n"}}}}
    (library,) = start(table, **variables).mapped_libraries.need()
    assert library.soname == "libcuda.so.1"
    assert library.path == str(fake_libraries / "libcuda.so.1")
