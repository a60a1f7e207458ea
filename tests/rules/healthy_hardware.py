"""Healthy machines of every kind of driver, card and confinement: name -> base and lines."""

from __future__ import annotations

from tests.rules.bases import GIB
from tests.rules.machine_lines import Lines, cards, driver, libraries, torch_build
from tests.rules.whole_machines import (
    A100,
    CONTAINER,
    CU129,
    ECC_OF_OLD,
    HOPPERS,
    INTEGRATED,
    JETSON,
    MAC,
    MAC_TORCH,
    RADEON,
    TRAINING,
    V100,
    WINDOWS,
    WSL,
)

HARDWARE: dict[str, tuple[str, Lines]] = {
    "cu121 on driver 525": ("desktop", driver("525.125.06") | torch_build("2.3.1+cu121", "12.1")),
    "cu124 on driver 525": ("desktop", driver("525.147.05") | torch_build("2.6.0+cu124", "12.4")),
    "cu117 on a data centre's 450": ("desktop", driver("450.248.02") | A100 | torch_build("1.13.1+cu117", "11.7")),
    "cu118 on driver 470": ("desktop", driver("470.256.02") | A100 | torch_build("2.7.1+cu118", "11.8")),
    "cu118 on driver 515": ("desktop", driver("515.105.01") | V100 | torch_build("2.1.2+cu118", "11.8")),
    "cu113 on an A100 of 2022": ("desktop", driver("510.47.03") | A100 | torch_build("1.12.1+cu113", "11.3")),
    "cu102 on a V100": ("desktop", driver("440.118.02") | V100 | torch_build("1.12.1+cu102", "10.2")),
    "cu129 on driver 550": ("desktop", driver("550.163.01") | torch_build("2.9.1+cu129", "12.9", CU129)),
    "cu132 on driver 580": ("desktop", driver("580.95.05") | torch_build("2.14.1+cu132", "13.2")),
    "cu126 on a GTX 1080 Ti": (
        "desktop",
        driver("535.183.01")
        | cards("NVIDIA GeForce GTX 1080 Ti", "6.1", 0x1B06, memory_gib=11)
        | torch_build("2.6.0+cu126", "12.6"),
    ),
    "cu126 on a V100 with driver 580": (
        "desktop",
        driver("580.95.05") | V100 | torch_build("2.9.1+cu126", "12.6", cudnn="9.10.2"),
    ),
    "RTX 4090 with code for 8.6": (
        "desktop",
        torch_build("2.11.0+cu130", "13.0", ("sm_75", "sm_80", "sm_86", "sm_90")),
    ),
    "RTX 5090 with cu128": (
        "desktop",
        driver("570.195.03", flavour="open")
        | cards("NVIDIA GeForce RTX 5090", "12.0", 0x2B85, memory_gib=32)
        | torch_build("2.7.1+cu128", "12.8"),
    ),
    "GB10 with code for 12.0": (
        "desktop",
        cards("NVIDIA GB10", "12.1", 0x2E12, memory_gib=120)
        | torch_build("2.9.1+cu130", "13.0")
        | {"system.architecture": "aarch64", "env.platform_tag": "linux-aarch64", "system.cpu_flags": []},
    ),
    "GB10 without memory of its own": (
        "desktop",
        driver("580.95.05", flavour="open")
        | cards("NVIDIA GB10", "12.1", 0x2E12, memory_gib=120)
        | torch_build("2.9.1+cu130", "13.0")
        | {
            "system.architecture": "aarch64",
            "env.platform_tag": "linux-aarch64",
            "gpu.memory_total_bytes": {"unknown": "NVML error NOT_SUPPORTED"},
            "gpu.memory_used_bytes": {"unknown": "NVML error NOT_SUPPORTED"},
        },
    ),
    "GH200": (
        "desktop",
        driver("570.172.08", flavour="open")
        | cards("NVIDIA GH200 480GB", "9.0", 0x2342, memory_gib=96)
        | torch_build("2.8.0+cu129", "12.9", ("sm_80", "sm_90", "sm_100", "sm_120", "compute_120"))
        | {"system.architecture": "aarch64", "env.platform_tag": "linux-aarch64"},
    ),
    "Jetson": ("desktop", JETSON),
    "WSL 2": ("desktop", WSL),
    "WSL 2 with the bus's own GPU of Hyper-V": (
        "desktop",
        WSL
        | {
            "driver.pci_devices": [
                {
                    "address": "5582:00:00.0",
                    "vendor_id": 0x1414,
                    "device_id": 0x008E,
                    "class_code": 0x030200,
                    "driver": "dxgkrnl",
                }
            ]
        },
    ),
    "Windows": ("desktop", WINDOWS),
    "Windows whose bus nobody read": ("desktop", WINDOWS | {"driver.pci_devices": {"unknown": "no /sys on Windows"}}),
    "macOS": ("no_gpu", MAC),
    "macOS with torch": ("no_gpu", MAC | MAC_TORCH),
    "container with the GPU": ("desktop", CONTAINER),
    "container that does not see the bus": (
        "desktop",
        CONTAINER | {"driver.pci_devices": {"unknown": "no NVIDIA device in /sys of this container"}},
    ),
    "container with forward compatibility in a data centre": (
        "desktop",
        driver("535.183.01")
        | A100
        | CONTAINER
        | torch_build("2.8.0+cu128", "12.8")
        | {
            "api.driver_version": "12.8",
            "api.library": "/usr/local/cuda-12.8/compat/libcuda.so.570.172.08",
            "driver.smi.cuda_version": "12.8",
            "system.variables": {"LD_LIBRARY_PATH": "/usr/local/cuda-12.8/compat"},
            "driver.libraries": [
                {
                    "soname": "libcuda.so.1",
                    "path": "/usr/local/cuda-12.8/compat/libcuda.so.570.172.08",
                    "version": "570.172.08",
                    "origin": "compat",
                },
                *libraries("535.183.01"),
            ],
        },
    ),
    "container of a CPU machine with TensorFlow": (
        "no_gpu",
        {
            "system.container": {"kind": "docker", "evidence": "/.dockerenv"},
            "env.tensorflow": {"version": "2.21.0", "is_cuda_build": True, "cuda_version": "12.5.1"},
            "env.packages": [{"name": "tensorflow", "version": "2.21.0", "installer": "pip"}],
            "driver.pci_devices": [],
        },
    ),
    "MIG in use": (
        "desktop",
        driver("570.172.08")
        | A100
        | torch_build("2.8.0+cu128", "12.8")
        | {
            "gpu.mig_mode": "enabled",
            "gpu.mig_mode_pending": "enabled",
            "gpu.mig_instances": [{"uuid": "MIG-11111111-2222-3333-4444-555555555555", "name": "MIG 1g.10gb"}],
            "system.variables": {"CUDA_VISIBLE_DEVICES": "MIG-11111111-2222-3333-4444-555555555555"},
            "api.devices": [
                {
                    "index": 0,
                    "name": "NVIDIA A100-SXM4-80GB MIG 1g.10gb",
                    "compute_capability": "8.0",
                    "uuid": "MIG-11111111-2222-3333-4444-555555555555",
                }
            ],
            "gpu.utilization_percent": {"unknown": "NVML error NOT_SUPPORTED"},
        },
    ),
    "8 x H100 with the fabric completed": ("desktop", HOPPERS),
    "hybrid laptop, Intel": (
        "desktop",
        cards("NVIDIA GeForce RTX 4060 Laptop GPU", "8.9", 0x28E0, memory_gib=8)
        | {
            "driver.pci_devices[1]": INTEGRATED,
            "driver.loaded_modules": ["nvidia", "nvidia_drm", "nvidia_modeset", "nvidia_uvm", "i915"],
            "gpu.pcie_width": 4,
            "gpu.pcie_width_max": 8,
            "gpu.power_limit_default_watts": {"unknown": "NVML error NOT_SUPPORTED"},
        },
    ),
    "hybrid laptop, AMD": (
        "desktop",
        cards("NVIDIA GeForce RTX 3070 Laptop GPU", "8.6", 0x24DD, memory_gib=8)
        | torch_build("2.11.0+cu130", "13.0")
        | {"driver.pci_devices[1]": RADEON, "driver.loaded_modules": ["nvidia", "nvidia_uvm", "amdgpu"]},
    ),
    "AMD machine with its ROCm torch": (
        "no_gpu",
        {
            "driver.pci_devices": [RADEON],
            "env.torch": {"version": "2.11.0+rocm7.2", "hip": "7.2"},
            "env.packages": [{"name": "torch", "version": "2.11.0+rocm7.2", "installer": "pip"}],
        },
    ),
    "Intel machine with its XPU torch": (
        "no_gpu",
        {
            "driver.pci_devices": [{**INTEGRATED, "address": "0000:03:00.0", "device_id": 0xE20B, "driver": "xe"}],
            "env.torch": {"version": "2.11.0+xpu", "xpu": "20250302"},
            "env.packages": [{"name": "torch", "version": "2.11.0+xpu", "installer": "pip"}],
        },
    ),
    "CUDA_VISIBLE_DEVICES with a deliberate subset": (
        "desktop",
        cards("NVIDIA GeForce RTX 4090", "8.9", 0x2684, count=4)
        | {
            "system.variables": {"CUDA_VISIBLE_DEVICES": "2,3"},
            "api.device_count": 2,
            "run.torch.devices": [{"index": index, "compute_capability": "8.9"} for index in range(2)],
        },
    ),
    "driver newer than the tables": ("desktop", driver("655.41.02", "14.1", flavour="open")),
    "driver newer than the tables, torch old": (
        "desktop",
        driver("655.41.02", "14.1", flavour="open") | torch_build("2.3.1+cu121", "12.1"),
    ),
    "root": ("desktop", {"system.user": {"uid": 0, "groups": ["root"]}}),
    "kernel log that may not be read": (
        "desktop",
        {
            "kernel_log.lines": {"unknown": "dmesg: read kernel buffer failed: Operation not permitted"},
            "kernel_log.xids": {"unknown": "dmesg: read kernel buffer failed: Operation not permitted"},
        },
    ),
    "memory errors of the past": (
        "desktop",
        driver("570.172.08") | A100 | ECC_OF_OLD | torch_build("2.8.0+cu128", "12.8"),
    ),
    "a desktop's windows in memory": (
        "desktop",
        {
            "gpu.memory_used_bytes": 1200 * 1024**2,
            "gpu.processes": [
                {"pid": 2100, "name": "/usr/lib/xorg/Xorg", "kind": "graphics", "memory_used_bytes": 700 * 1024**2},
                {"pid": 2300, "name": "gnome-shell", "kind": "graphics", "memory_used_bytes": 300 * 1024**2},
            ],
        },
    ),
    "training that fills and uses the card": ("desktop", TRAINING),
    "power cap at full load": (
        "desktop",
        {
            "gpu.clock_event_reasons": ["sw_power_cap"],
            "gpu.utilization_percent": 100,
            "gpu.pcie_generation": 4,
            "gpu.power_watts": 450.0,
            "gpu.sm_clock_mhz": 2400,
        },
    ),
    "power limit lowered a little": (
        "desktop",
        {
            "gpu.clock_event_reasons": ["sw_power_cap"],
            "gpu.power_limit_watts": 350.0,
            "gpu.power_watts": 349.0,
            "gpu.sm_clock_mhz": 2400,
        },
    ),
    "card of eight lanes": (
        "desktop",
        cards("NVIDIA GeForce RTX 4060 Ti", "8.9", 0x2803, memory_gib=16)
        | {"gpu.pcie_width": 8, "gpu.pcie_width_max": 8, "driver.pci_devices[0].link_width": 8}
        | {"driver.pci_devices[0].link_width_max": 8},
    ),
    "PCIe generation 1 at rest": ("desktop", {"gpu.pcie_generation": 1, "gpu.utilization_percent": 3}),
    "display driven by another NVIDIA card": (
        "desktop",
        {
            "driver.pci_devices[1].address": "0000:41:00.0",
            "driver.pci_devices[1].driver": "vfio-pci",
        },
    ),
    "Secure Boot with a signed module": (
        "desktop",
        {"driver.secure_boot": True, "driver.lockdown": "integrity", "driver.module_files[0].is_signed": True},
    ),
    "module of an older kernel beside": (
        "desktop",
        {
            "driver.module_files[1].kernel_release": "5.15.0-91-generic",
            "driver.module_files[1].version": "535.183.01",
        },
    ),
    "two datacentre cards, one in use": (
        "desktop",
        driver("570.172.08")
        | cards("NVIDIA L40S", "8.9", 0x26B9, count=2, memory_gib=48)
        | torch_build("2.8.0+cu128", "12.8")
        | {"gpus[0].utilization_percent": 97, "gpus[0].pcie_generation": 4, "gpus[0].memory_used_bytes": 44 * GIB}
        | {"gpus[0].processes": [{"pid": 99, "name": "python", "memory_used_bytes": 43 * GIB}]},
    ),
    "exclusive mode on a free card": ("desktop", {"gpu.compute_mode": "exclusive_process"}),
    "a vGPU": (
        "desktop",
        driver("570.172.08")
        | cards("NVIDIA A40-12Q", "8.6", 0x2235, memory_gib=12)
        | torch_build("2.8.0+cu128", "12.8")
        | {"system.virtualization": "KVM", "gpu.pcie_width": {"unknown": "NVML error NOT_SUPPORTED"}},
    ),
    "an application's own mistake long ago": (
        "desktop",
        {
            "kernel_log.lines": [
                {"number": 1, "text": "NVRM: Xid (PCI:0000:01:00): 43, pid=77, name=python, Ch 00000008"}
            ],
        },
    ),
}
