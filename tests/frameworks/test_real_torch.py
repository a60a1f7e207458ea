"""The probes on PyTorch's real CPU wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.frameworks.conftest import Look

pytestmark = pytest.mark.slow


def test_what_torch_says_when_it_is_started(torch_cpu: Path, look: Look) -> None:
    environment = look(torch_cpu)
    run = environment.run("torch")
    assert run is not None
    assert run.version.need() == "2.13.0+cpu"
    assert run.import_error.is_absent
    assert run.exit_signal.is_absent
    assert run.ended_in_stage.is_absent
    assert run.built_cuda.is_absent
    assert run.built_rocm.is_absent
    assert run.built_cudnn.is_absent
    assert run.runtime_cudnn.is_absent
    assert run.arch_list.need() == ()
    assert run.is_gpu_available.need() is False
    assert run.gpu_error.need() == "Torch not compiled with CUDA enabled"
    assert run.devices.need() == ()
    assert run.mapped_libraries.need() == ()
    assert run.location.need() == str(torch_cpu / f"lib/{_python(torch_cpu)}/site-packages/torch/__init__.py")


def test_what_its_files_say(torch_cpu: Path, look: Look) -> None:
    environment = look(torch_cpu, no_import=True)
    assert environment.runs == ()
    assert environment.kind.need() == "uv"
    assert environment.torch.need().version == "2.13.0+cpu"
    assert environment.torch.need().cuda is None
    assert environment.tensorflow.is_absent
    torch = environment.package("torch")
    assert torch is not None
    assert torch.version == "2.13.0+cpu"
    assert torch.installer == "uv"
    assert torch.missing_file_count == 0
    assert any(line.startswith("sympy") for line in torch.requires)
    assert any("manylinux_2_28_x86_64" in tag or "linux" in tag for tag in torch.wheel_tags)
    assert environment.shared_files.need() == ()
    assert environment.leftovers.need() == ()
    assert any(Path(path).name.startswith("libgomp") for path in environment.openmp_libraries.need())


def test_deep_has_nothing_to_compute_on_without_a_gpu(torch_cpu: Path, look: Look) -> None:
    run = look(torch_cpu, deep=True).run("torch")
    assert run is not None
    assert run.kernel_runs.need() == ()
    assert run.ended_in_stage.is_absent


def test_a_missing_library_of_torch_is_seen(torch_cpu: Path, look: Look) -> None:
    library = torch_cpu / f"lib/{_python(torch_cpu)}/site-packages/torch/lib/libtorch_cpu.so"
    hidden = library.with_suffix(".hidden")
    library.rename(hidden)
    try:
        environment = look(torch_cpu)
    finally:
        hidden.rename(library)
    torch = environment.package("torch")
    assert torch is not None
    assert torch.missing_files == ("torch/lib/libtorch_cpu.so",)
    run = environment.run("torch")
    assert run is not None
    assert "libtorch_cpu.so" in run.import_error.need()
    assert "Traceback" in run.import_traceback.need()
    assert run.ended_in_stage.need() == "import"
    assert run.is_gpu_available.is_unknown


def _python(environment: Path) -> str:
    return next((environment / "lib").glob("python3.*")).name
