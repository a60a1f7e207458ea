"""The probes on the real TensorFlow package, on a machine without a GPU."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.bench.compile_fakes import has_real_library
from tests.frameworks.conftest import Look

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.path.exists("/dev/nvidia0"), reason="there is a GPU, which TensorFlow would find"),
]
TARGETS = ("sm_60", "sm_70", "sm_80", "sm_89", "compute_90")


def test_what_tensorflow_says_when_it_is_started(tensorflow: Path, look: Look) -> None:
    run = look(tensorflow).run("tensorflow")
    assert run is not None
    assert run.version.need() == "2.21.0"
    assert run.import_error.is_absent
    assert run.exit_signal.is_absent
    assert run.built_cuda.need() == "12.5.1"
    assert run.built_cudnn.need() == "9"
    assert run.arch_list.need() == TARGETS
    assert run.is_gpu_available.need() is False
    assert run.devices.need() == ()
    assert run.runtime_cudnn.is_absent
    assert "Could not find cuda drivers" in run.stderr_tail.need() or "cuInit" in run.stderr_tail.need()


def test_a_users_log_level_does_not_hide_the_evidence(tensorflow: Path, look: Look) -> None:
    run = look(tensorflow, TF_CPP_MIN_LOG_LEVEL="3").run("tensorflow")
    assert run is not None
    assert "Could not find cuda drivers" in run.stderr_tail.need() or "cuInit" in run.stderr_tail.need()


def test_libraries_that_it_cannot_load_are_named(
    tensorflow: Path, look: Look, fake_libraries: Path, tmp_path: Path
) -> None:
    if has_real_library("libcudnn.so.9"):
        pytest.skip("a cuDNN 9 is installed on this machine")
    answers = tmp_path / "answers"
    answers.write_text("version=12040\ngpu0.name=Tesla T4\ngpu0.cc=7.5\ngpu0.mem_total=16106127360\n")
    fakes = {"LD_LIBRARY_PATH": str(fake_libraries), "FAKE_CUDA": str(answers), "FAKE_NVML": str(answers)}
    run = look(tensorflow, **fakes).run("tensorflow")
    assert run is not None
    assert "Could not load dynamic library 'libcudnn.so.9'" in run.stderr_tail.need()
    assert run.is_gpu_available.need() is False
    mapped = {library.soname: library.path for library in run.mapped_libraries.need()}
    assert mapped["libcuda.so.1"] == str(fake_libraries / "libcuda.so.1")


def test_what_its_files_say(tensorflow: Path, look: Look) -> None:
    environment = look(tensorflow, no_import=True)
    build = environment.tensorflow.need()
    assert build.version == "2.21.0"
    assert build.is_cuda_build is True
    assert build.is_rocm_build is False
    assert build.cuda_version == "12.5.1"
    assert build.cudnn_version == "9"
    assert build.compute_capabilities == TARGETS
    package = environment.package("tensorflow")
    assert package is not None
    assert package.missing_file_count == 0
    assert environment.shared_files.need() == ()
    assert environment.torch.is_absent
