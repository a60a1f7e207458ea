"""Lines that break one part of a machine as the field breaks it, with all that follows from it."""

from __future__ import annotations

from typing import Any

from tests.rules.machine_lines import ABSENT, FOLDER, Lines

NO_SUCH_LIBRARY = "libnvidia-ml.so.1 was not found"


def nvml_fails(code: int, name: str, message: str = "") -> Lines:
    """Return an NVML that does not start, and an nvidia-smi that says so."""
    unknown = {"unknown": f"NVML Init ended with error {code} ({name})"}
    said = message or "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
    return {
        "NVML.init_code": code,
        "NVML.init_error": name,
        "NVML.driver_version": unknown,
        "NVML.cuda_version": unknown,
        "NVML.device_count": unknown,
        "machine.gpus": unknown,
        "driver.smi": {"path": "/usr/bin/nvidia-smi", "exit_code": 9, "message": said},
    }


def cuinit_fails(code: int, name: str) -> Lines:
    """Return a driver API that does not start."""
    unknown = {"unknown": f"cuInit ended with error {code} ({name})"}
    return {
        "api.init_code": code,
        "api.init_name": name,
        "api.driver_version": unknown,
        "api.device_count": unknown,
        "api.devices": unknown,
    }


def torch_blind(error: str = "", code: int = 0) -> Lines:
    """Return a torch that was started and sees no GPU."""
    return {
        "run.torch.is_gpu_available": False,
        "run.torch.gpu_error": error or ABSENT,
        "run.torch.gpu_error_code": code or ABSENT,
        "run.torch.devices": [],
    }


def torch_import_fails(error: str, **others: Any) -> Lines:
    """Return a torch whose import raises; `others`: signal = what ended the process instead."""
    unknown = {"unknown": "the import of torch failed"}
    names = (
        *("version", "location", "built_cuda", "built_cudnn", "arch_list", "is_gpu_available", "gpu_error"),
        *("gpu_error_code", "devices", "runtime_cudnn", "mapped_libraries", "kernel_runs"),
    )
    lines: Lines = {f"run.torch.{name}": unknown for name in names}
    signal = others.get("signal")
    return lines | {
        "run.torch.import_error": {"unknown": "the process ended first"} if signal else error,
        "run.torch.import_traceback": "Traceback (most recent call last):\n" + error if error else ABSENT,
        "run.torch.exit_signal": signal or ABSENT,
        "run.torch.ended_in_stage": "import",
    }


def tensorflow_blind(stderr: str = "") -> Lines:
    """Return a TensorFlow that was started and lists no GPU."""
    return {
        "run.tensorflow.is_gpu_available": False,
        "run.tensorflow.devices": [],
        "run.tensorflow.runtime_cudnn": {"unknown": "no GPU"},
        "run.tensorflow.stderr_tail": stderr,
        "run.tensorflow.mapped_libraries": [],
    }


def tensorflow_import_fails(error: str, signal: str = "") -> Lines:
    """Return a TensorFlow whose import raises."""
    return {
        name.replace("run.torch", "run.tensorflow"): value
        for name, value in torch_import_fails(error, signal=signal).items()
    }


def module_gone() -> Lines:
    """Return a machine on which no nvidia module is loaded: NVML, CUDA, device files and torch feel it."""
    return (
        nvml_fails(9, "DRIVER_NOT_LOADED")
        | cuinit_fails(100, "CUDA_ERROR_NO_DEVICE")
        | torch_blind("No CUDA GPUs are available", 100)
        | {
            "driver.proc_version": ABSENT,
            "driver.proc_flavour": ABSENT,
            "driver.module_version": ABSENT,
            "driver.loaded_modules": [],
            "driver.device_nodes": [],
            "driver.pci_devices[0].driver": "",
        }
    )


def no_library() -> Lines:
    """Return a machine without any of the driver's libraries."""
    unknown = {"unknown": NO_SUCH_LIBRARY}
    return {
        "NVML.library": ABSENT,
        "NVML.init_code": ABSENT,
        "NVML.init_error": unknown,
        "NVML.driver_version": ABSENT,
        "NVML.cuda_version": ABSENT,
        "NVML.device_count": unknown,
        "machine.gpus": unknown,
        "api.library": ABSENT,
        "api.init_code": ABSENT,
        "api.init_name": unknown,
        "api.driver_version": ABSENT,
        "api.device_count": unknown,
        "api.devices": unknown,
        "driver.smi": ABSENT,
        "driver.libraries": [],
    }


def nothing_installed() -> Lines:
    """Return a machine whose GPU has no driver at all."""
    return (
        module_gone()
        | no_library()
        | {"driver.module_files": [], "driver.packages": [], "driver.blacklisted_modules": []}
        | torch_blind("Found no NVIDIA driver on your system.")
    )


def gpu_ignored() -> Lines:
    """Return a loaded module that serves no GPU: NVML starts and lists none."""
    return (
        cuinit_fails(100, "CUDA_ERROR_NO_DEVICE")
        | torch_blind("No CUDA GPUs are available", 100)
        | {
            "NVML.device_count": 0,
            "machine.gpus": [],
            "driver.smi": {"path": "/usr/bin/nvidia-smi", "exit_code": 6, "message": "No devices were found"},
            "driver.device_nodes": [{"path": "/dev/nvidiactl"}, {"path": "/dev/nvidia-uvm"}],
        }
    )


def log(*texts: str) -> Lines:
    """Return a kernel log with these lines."""
    return {"kernel_log.lines": [{"number": place, "text": text} for place, text in enumerate(texts, 1)]}


def xids(*numbers: int, address: str = "0000:01:00") -> Lines:
    """Return a kernel log with these Xids."""
    texts = [f"NVRM: Xid (PCI:{address}): {number}, pid=801, name=python" for number in numbers]
    found = [
        {"number": number, "line": place, "text": text, "pci_address": address, "pid": 801, "process": "python"}
        for place, (number, text) in enumerate(zip(numbers, texts, strict=True), 1)
    ]
    return log(*texts) | {"kernel_log.xids": found}


def container(kind: str = "docker") -> Lines:
    """Return a container of that kind; the host's packages and modules are not seen."""
    return {
        "system.container": {"kind": kind, "evidence": "/.dockerenv"},
        "driver.module_files": [],
        "driver.packages": [],
        "driver.dkms": [],
        "driver.blacklisted_modules": [],
        "driver.secure_boot": {"unknown": "mokutil is not installed"},
        "system.user": {"uid": 0, "groups": ["root"]},
    }


def foreign_libcuda(version: str, path: str = FOLDER, origin: str = "loader cache") -> Lines:
    """Return a libcuda of another version that the loader takes first."""
    one = {"soname": "libcuda.so.1", "path": f"{path}/libcuda.so.{version}", "version": version, "origin": origin}
    return {"driver.libraries[0]": one, "api.library": one["path"]}
