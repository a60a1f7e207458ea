"""Whole machines as lines over a base: WSL, Windows, Jetson, macOS, a container, 8 x H100, conda."""

from __future__ import annotations

from tests.rules.bases import GIB, VENV
from tests.rules.machine_lines import (
    ABSENT,
    FOLDER,
    Lines,
    cards,
    driver,
    no_frameworks,
    tensorflow_build,
    torch_build,
)

CU129 = ("sm_70", "sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120", "compute_120")
V100 = cards("Tesla V100-SXM2-16GB", "7.0", 0x1DB1, memory_gib=16)
A100 = cards("NVIDIA A100-SXM4-80GB", "8.0", 0x20B2, memory_gib=80)
H100 = cards("NVIDIA H100 80GB HBM3", "9.0", 0x2330, count=8, memory_gib=80)
NVSWITCHES = {
    f"driver.pci_devices[{8 + place}]": {
        "address": f"0000:{0xC0 + place:x}:00.0",
        "vendor_id": 0x10DE,
        "device_id": 0x22A3,
        "class_code": 0x068000,
        "driver": "nvidia-nvswitch",
    }
    for place in range(4)
}
NO_PCI: Lines = {"driver.pci_devices": []}
NO_MODULE: Lines = {
    "driver.proc_version": ABSENT,
    "driver.proc_flavour": ABSENT,
    "driver.module_version": ABSENT,
    "driver.loaded_modules": [],
    "driver.module_files": [],
    "driver.packages": [],
    "driver.device_nodes": [],
    "driver.blacklisted_modules": [],
}
WSL_LIBRARIES = ["libcuda.so", "libcuda.so.1", "libcuda.so.1.1", "libnvidia-ml.so.1", "libd3d12.so", "libdxcore.so"]
WSL = (
    driver("581.80", "13.0")
    | NO_PCI
    | NO_MODULE
    | {
        "system.wsl": {
            "version": 2,
            "kernel_release": "5.15.167.4-microsoft-standard-WSL2",
            "has_dxg": True,
            "libraries": WSL_LIBRARIES,
            "on_loader_path": True,
        },
        "system.kernel_release": "5.15.167.4-microsoft-standard-WSL2",
        "system.virtualization": "Hyper-V",
        "driver.smi.smi_version": "580.105.07",
        "driver.libraries": [
            {"soname": "libcuda.so.1", "path": "/usr/lib/wsl/lib/libcuda.so.1", "origin": "loader cache"},
            {"soname": "libnvidia-ml.so.1", "path": "/usr/lib/wsl/lib/libnvidia-ml.so.1", "origin": "loader cache"},
        ],
        "api.library": "/usr/lib/wsl/lib/libcuda.so.1.1",
        "NVML.library": "/usr/lib/wsl/lib/libnvidia-ml.so.1",
        "driver.packages": [{"name": "cuda-toolkit-12-8", "version": "12.8.1-1", "manager": "dpkg"}],
    }
)
WINDOWS = (
    driver("581.80", "13.0")
    | NO_PCI
    | NO_MODULE
    | {
        "system.os_name": "Windows",
        "system.distribution_id": ABSENT,
        "system.distribution_like": ABSENT,
        "system.distribution_version": ABSENT,
        "system.kernel_release": "10.0.26100",
        "system.architecture": "AMD64",
        "system.glibc_version": ABSENT,
        "system.glibcxx_version": ABSENT,
        "system.user": ABSENT,
        "system.shm_total_bytes": ABSENT,
        "system.shm_available_bytes": ABSENT,
        "driver.libraries": [],
        "driver.secure_boot": True,
        "driver.lockdown": ABSENT,
        "NVML.library": "C:\\Windows\\System32\\nvml.dll",
        "api.library": "C:\\Windows\\System32\\nvcuda.dll",
        "env.platform_tag": "win-amd64",
        "env.libc": ABSENT,
        "gpu.driver_model": "WDDM",
        "gpu.persistence_mode": ABSENT,
        "kernel_log.lines": {"unknown": "no kernel log on Windows"},
        "kernel_log.xids": {"unknown": "no kernel log on Windows"},
    }
)
CONTAINER = {
    "system.container": {
        "kind": "docker",
        "evidence": "/.dockerenv",
        "driver_mounts": [f"{FOLDER}/libcuda.so.580.95.05", "/dev/nvidia0"],
    },
    "driver.module_files": [],
    "driver.packages": [],
    "driver.dkms": [],
    "driver.blacklisted_modules": [],
    "driver.has_kernel_headers": False,
    "driver.secure_boot": {"unknown": "mokutil is not installed"},
    "kernel_log.lines": {"unknown": "the kernel log may not be read in this container"},
    "kernel_log.xids": {"unknown": "the kernel log may not be read in this container"},
    "system.user": {"uid": 0, "groups": ["root"]},
}
JETSON = (
    cards("Orin", "8.7", 0, memory_gib=32)
    | NO_PCI
    | {
        "system.tegra_release": "R36 (release), REVISION: 4.3",
        "system.architecture": "aarch64",
        "system.kernel_release": "5.15.148-tegra",
        "env.platform_tag": "linux-aarch64",
        "driver.smi": {"path": "/usr/sbin/nvidia-smi", "exit_code": 0, "driver_version": "540.4.0", "is_table": True},
        "driver.packages": [{"name": "nvidia-l4t-core", "version": "36.4.3-20250107174145", "manager": "dpkg"}],
        "driver.libraries": [
            {
                "soname": "libcuda.so.1",
                "path": "/usr/lib/aarch64-linux-gnu/nvidia/libcuda.so.1.1",
                "origin": "loader cache",
            }
        ],
        "driver.device_nodes": [{"path": "/dev/nvhost-gpu"}, {"path": "/dev/nvidia0"}, {"path": "/dev/nvidiactl"}],
        "driver.module_files": [],
        "driver.loaded_modules": ["nvidia", "nvidia_modeset", "nvgpu"],
        "driver.proc_version": "540.4.0",
        "driver.module_version": ABSENT,
        "NVML.driver_version": "540.4.0",
        "NVML.cuda_version": "12.6",
        "api.driver_version": "12.6",
        "gpu.temperature_celsius": {"unknown": "NVML error NOT_SUPPORTED"},
        "gpu.clock_event_reasons": {"unknown": "NVML error NOT_SUPPORTED"},
    }
    | torch_build("2.8.0", "12.6", ("sm_87",))
)
MAC = (
    NO_PCI
    | no_frameworks()
    | {
        "system.os_name": "Darwin",
        "system.architecture": "arm64",
        "system.cpu_model": "Apple M3 Max",
        "system.kernel_release": "24.6.0",
        "system.glibc_version": ABSENT,
        "system.glibcxx_version": ABSENT,
        "env.platform_tag": "macosx-14.0-arm64",
        "env.libc": ABSENT,
        "kernel_log.lines": {"unknown": "no kernel log of Linux"},
        "kernel_log.xids": {"unknown": "no kernel log of Linux"},
    }
)
MAC_TORCH = {
    "env.torch": {"version": "2.11.0"},
    "env.packages": [{"name": "torch", "version": "2.11.0", "installer": "pip"}],
}
JAX = no_frameworks() | {
    "env.packages": [
        {"name": name, "version": version, "installer": "pip"}
        for name, version in (
            ("jax", "0.7.2"),
            ("jaxlib", "0.7.2"),
            ("jax-cuda12-plugin", "0.7.2"),
            ("jax-cuda12-pjrt", "0.7.2"),
            ("nvidia-cuda-nvcc-cu12", "12.9.86"),
            ("nvidia-cudnn-cu12", "9.15.1.9"),
            ("numpy", "2.3.4"),
        )
    ],
    "env.runs": [],
}
CUPY = no_frameworks() | {
    "env.packages": [
        {"name": "cupy-cuda12x", "version": "13.6.0", "installer": "pip"},
        {"name": "numpy", "version": "2.3.4", "installer": "pip"},
    ],
    "env.runs": [],
}
CONDA = {"env.kind": "conda", "env.name": "gpu", "env.path": "/home/user/miniforge3/envs/gpu"}
CONDA_TORCH = (
    torch_build("2.7.1", "12.9", ("sm_50", "sm_60", "sm_70", "sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "compute_90"))
    | CONDA
    | {
        "env.packages": [
            {"name": "numpy", "version": "2.3.4", "installer": "conda"},
            {"name": "torch", "version": "2.7.1", "installer": "conda", "requires": ["triton==3.3.1"]},
        ],
        "env.conda_packages": [
            {
                "name": "pytorch",
                "version": "2.7.1",
                "build": "cuda129_mkl_py311_h1a5a3ac_304",
                "channel": "conda-forge",
            },
            {"name": "cudnn", "version": "9.10.2.21", "build": "h0bcf8a0_0", "channel": "conda-forge"},
        ],
        "run.torch.mapped_libraries": [
            {
                "soname": "libcudnn.so.9",
                "path": "/home/user/miniforge3/envs/gpu/lib/libcudnn.so.9.10.2",
                "version": "9.10.2",
            }
        ],
    }
)
CONDA_TENSORFLOW = (
    tensorflow_build("2.18.0", "9.10.2.21")
    | CONDA
    | {
        "env.packages": [
            {"name": "tensorflow", "version": "2.18.0", "installer": "conda", "requires": ["protobuf<6,>=3.20.3"]},
            {"name": "protobuf", "version": "6.31.1", "installer": "conda"},
            {"name": "numpy", "version": "2.3.4", "installer": "conda"},
        ],
        "env.conda_packages": [
            {"name": "tensorflow", "version": "2.18.0", "build": "cuda128py311h0a3ac_252", "channel": "conda-forge"},
            {"name": "cuda-nvcc-tools", "version": "12.9.86", "build": "he02047a_2", "channel": "conda-forge"},
        ],
        "run.tensorflow.mapped_libraries": [],
    }
)
KERNELS_OF_OTHERS = {
    "kernelspecs": [
        {
            "name": "python3",
            "path": f"{VENV}/share/jupyter/kernels/python3/kernel.json",
            "argv": [f"{VENV}/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "language": "python",
            "interpreter": f"{VENV}/bin/python",
            "has_ipykernel": True,
            "environment": VENV,
        },
        {
            "name": "ir",
            "path": "/home/user/.local/share/jupyter/kernels/ir/kernel.json",
            "display_name": "R",
            "argv": ["R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"],
            "language": "R",
        },
        {
            "name": "julia-1.11",
            "path": "/home/user/.local/share/jupyter/kernels/julia-1.11/kernel.json",
            "display_name": "Julia 1.11",
            "argv": ["/opt/julia/bin/julia", "-i", "kernel.jl", "{connection_file}"],
            "language": "julia",
            "interpreter": "/opt/julia/bin/julia",
        },
    ]
}
ECC_OF_OLD = {
    "gpu.ecc_mode": "enabled",
    "gpu.ecc_uncorrected_volatile": 0,
    "gpu.ecc_uncorrected_aggregate": 3,
    "gpu.retired_pages_double_bit": 2,
    "gpu.retired_pages_pending": False,
    "gpu.row_remap": {"correctable": 2, "uncorrectable": 1, "is_pending": False, "has_failed": False},
}
TRAINING = {
    "gpu.memory_used_bytes": 23 * GIB,
    "gpu.utilization_percent": 99,
    "gpu.clock_event_reasons": ["sw_power_cap"],
    "gpu.power_watts": 449.0,
    "gpu.sm_clock_mhz": 2520,
    "gpu.pcie_generation": 4,
    "gpu.temperature_celsius": 74,
    "gpu.processes": [{"pid": 4711, "name": "python", "kind": "compute", "memory_used_bytes": 22 * GIB}],
}
TWO_TOOLKITS = {
    f"toolkits.installed[{place}]": {
        "path": f"/usr/local/cuda-{version}",
        "origin": "folder",
        "version": version,
        "nvcc_path": f"/usr/local/cuda-{version}/bin/nvcc",
        "has_ptxas": True,
        "has_libdevice": True,
        "is_default": version == "11.8",
    }
    for place, version in enumerate(("11.8", "12.4"))
}
HOPPERS = (
    driver("570.172.08", flavour="open")
    | H100
    | NVSWITCHES
    | torch_build("2.8.0+cu128", "12.8")
    | {
        "driver.fabric_manager": {"version": "570.172.08", "state": "active"},
        **{f"gpus[{index}].fabric_state": "completed" for index in range(8)},
        **{f"gpus[{index}].fabric_status": "SUCCESS" for index in range(8)},
        **{f"gpus[{index}].mig_mode": "disabled" for index in range(8)},
        **{f"gpus[{index}].mig_mode_pending": "disabled" for index in range(8)},
        **{
            f"gpus[{index}].nvlinks": [{"index": link, "is_active": True, "remote": "switch"} for link in range(18)]
            for index in range(8)
        },
    }
)
INTEGRATED = {
    "vendor_id": 0x8086,
    "address": "0000:00:02.0",
    "device_id": 0xA7A0,
    "class_code": 0x030000,
    "driver": "i915",
}
RADEON = {
    "vendor_id": 0x1002,
    "address": "0000:06:00.0",
    "device_id": 0x1681,
    "class_code": 0x030000,
    "driver": "amdgpu",
}
NUMPY_2 = ({"name": "numpy", "version": "2.3.4", "installer": "pip"},)
