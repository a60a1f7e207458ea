"""Lines that turn a base machine into another one: its driver, its cards, its torch, its TensorFlow."""

from __future__ import annotations

from typing import Any

from gpudoctor.knowledge import drivers, tensorflow, torch
from tests.rules.bases import GIB, VENV

Lines = dict[str, Any]

ABSENT: Lines = {"absent": True}
FOLDER = "/usr/lib/x86_64-linux-gnu"
SITE = f"{VENV}/lib/python3.11/site-packages"
_SONAMES = ("libcuda.so.1", "libnvidia-ml.so.1")


def driver(version: str, cuda: str | None = None, flavour: str = "proprietary") -> Lines:
    """Return a working driver of one version everywhere; `cuda` is what its branch serves when not given."""
    cuda = cuda or drivers.cuda_of(version) or ""
    branch = version.partition(".")[0]
    return {
        "NVML.driver_version": version,
        "NVML.cuda_version": cuda,
        "NVML.NVML_version": f"{cuda.partition('.')[0]}.{version}",
        "NVML.library": f"{FOLDER}/libnvidia-ml.so.{version}",
        "api.driver_version": cuda,
        "api.library": f"{FOLDER}/libcuda.so.{version}",
        "driver.smi.driver_version": version,
        "driver.smi.smi_version": version,
        "driver.smi.cuda_version": cuda,
        "driver.proc_version": version,
        "driver.proc_flavour": flavour,
        "driver.module_version": version,
        "driver.module_files[0].version": version,
        "driver.module_files[0].flavour": flavour,
        "driver.packages": [{"name": f"nvidia-driver-{branch}", "version": f"{version}-0ubuntu1", "manager": "dpkg"}],
        "driver.libraries": libraries(version),
    }


def libraries(version: str, folder: str = FOLDER, origin: str = "loader cache") -> list[Lines]:
    """Return libcuda and NVML of one version in a folder."""
    return [
        {"soname": soname, "path": f"{folder}/{soname[:-2]}.{version}", "version": version, "origin": origin}
        for soname in _SONAMES
    ]


def cards(name: str, capability: str, device_id: int, count: int = 1, memory_gib: int = 24) -> Lines:
    """Return working cards of one kind in place of the base's; the frameworks list them too."""
    lines: Lines = {"NVML.device_count": count, "api.device_count": count}
    for index in range(count):
        address = f"0000:{index + 1:02x}:00.0"
        lines |= {
            f"gpus[{index}].index": index,
            f"gpus[{index}].name": name,
            f"gpus[{index}].uuid": f"GPU-0000000{index}-1111-2222-3333-444444444444",
            f"gpus[{index}].compute_capability": capability,
            f"gpus[{index}].pci_address": address,
            f"gpus[{index}].pci_device_id": device_id,
            f"gpus[{index}].memory_total_bytes": memory_gib * GIB,
            f"driver.pci_devices[{index}].address": address,
            f"driver.pci_devices[{index}].device_id": device_id,
        }
    devices = [{"index": index, "name": name, "compute_capability": capability} for index in range(count)]
    lines["api.devices"] = devices
    lines["env.runs[0].devices"] = devices
    return lines


def torch_build(version: str, cuda: str, archs: tuple[str, ...] | None = None, **others: Any) -> Lines:
    """Return a working torch of `version` ("2.3.1+cu121"); its code and cuDNN come from the tables when not given.

    `others`: packages = further packages, cudnn, python.
    """
    release, _, variant = version.partition("+")
    row = torch.wheel_archs(release, variant or f"cu{cuda.replace('.', '')}", "linux_x86_64")
    cudnn = others.get("cudnn") or torch.variant_cudnn(release, variant) or "9.10.2"
    return {
        "env.torch": {"version": version, "cuda": cuda},
        "env.python_version": others.get("python", "3.11.7"),
        "env.packages": [
            {"name": "numpy", "version": "1.26.4", "installer": "pip"},
            {"name": "torch", "version": version, "installer": "pip"},
            *others.get("packages", ()),
        ],
        "run.torch.version": version,
        "run.torch.built_cuda": cuda,
        "run.torch.built_cudnn": cudnn,
        "run.torch.runtime_cudnn": cudnn,
        "run.torch.arch_list": list(archs or (row[0] if row else ("sm_80",))),
        "run.torch.mapped_libraries": [
            {"soname": "libcudnn.so.9", "path": f"{SITE}/nvidia/cudnn/lib/libcudnn.so.9", "version": cudnn}
        ],
    }


def tensorflow_build(version: str, cudnn: str, packages: tuple[Lines, ...] = ()) -> Lines:
    """Return a working TensorFlow of the tables with cuDNN's package beside it, on the base "tensorflow"."""
    row = tensorflow.release(version)
    if row is None:
        raise LookupError(version)
    return {
        "env.tensorflow": {
            "version": version,
            "is_cuda_build": True,
            "cuda_version": row.build_cuda or "",
            "cudnn_version": row.build_cudnn or "",
            "compute_capabilities": list(row.compiled_capabilities),
        },
        "env.packages": [
            {"name": "tensorflow", "version": version, "installer": "pip"},
            {"name": "nvidia-cudnn-cu12", "version": cudnn, "installer": "pip"},
            {"name": "nvidia-cuda-nvcc-cu12", "version": row.build_cuda or "", "installer": "pip"},
            *packages,
        ],
        "run.tensorflow.version": version,
        "run.tensorflow.built_cuda": row.build_cuda or "",
        "run.tensorflow.built_cudnn": row.build_cudnn or "",
        "run.tensorflow.runtime_cudnn": ".".join(cudnn.split(".")[:3]),
        "run.tensorflow.arch_list": list(row.compiled_capabilities),
    }


def no_frameworks() -> Lines:
    """Return an environment without frameworks."""
    return {
        "env.torch": ABSENT,
        "env.tensorflow": ABSENT,
        "env.packages": [{"name": "requests", "version": "2.32.5"}],
        "env.runs": [],
    }


def cpu_torch(version: str = "2.11.0+cpu", cuda: str | None = None, error: str = "") -> Lines:
    """Return a torch that was started and sees no GPU."""
    return {
        "env.torch": {"version": version, "cuda": cuda},
        "run.torch.version": version,
        "run.torch.built_cuda": cuda or ABSENT,
        "run.torch.built_cudnn": ABSENT,
        "run.torch.runtime_cudnn": ABSENT,
        "run.torch.is_gpu_available": False,
        "run.torch.gpu_error": error or ABSENT,
        "run.torch.devices": [],
        "run.torch.mapped_libraries": [],
        "run.torch.arch_list": [],
    }
