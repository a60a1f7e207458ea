"""Broken machines of the field, by driver, card and container: base, lines, root cause and what may stand beside."""

from __future__ import annotations

from tests.rules.bases import GIB
from tests.rules.broken_states import (
    container,
    cuinit_fails,
    foreign_libcuda,
    gpu_ignored,
    log,
    module_gone,
    no_library,
    nothing_installed,
    nvml_fails,
    torch_blind,
    xids,
)
from tests.rules.machine_lines import ABSENT, FOLDER, Lines, cards, cpu_torch, driver, libraries, torch_build

TOO_OLD = "The NVIDIA driver on your system is too old (found version {}). Please update your GPU driver"
REFUSED = "Error {}: {}"
RADEON: Lines = {
    "vendor_id": 0x1002,
    "address": "0000:03:00.0",
    "device_id": 0x15D8,
    "class_code": 0x030000,
    "driver": "amdgpu",
}
V100_BUSY = {
    "gpu.compute_mode": "exclusive_process",
    "gpu.utilization_percent": 98,
    "gpu.pcie_generation": 4,
    "gpu.processes": [{"pid": 5150, "name": "python", "memory_used_bytes": 8 * GIB}],
}
NO_DEVICE_FILES: Lines = {"driver.device_nodes": []}

CASES: dict[str, tuple[str, Lines, str]] = {
    "an AMD machine whose image loads the NVIDIA module": (
        "no_gpu",
        {
            "driver.pci_devices": [RADEON],
            "env.torch": {"version": "2.4.0+cu121", "cuda": "12.1"},
            "env.packages": [{"name": "torch", "version": "2.4.0+cu121", "installer": "pip"}],
            **log("NVRM: No NVIDIA GPU found."),
        },
        "VND001",
    ),
    "libraries of a run file, modules of other sources": (
        "desktop",
        driver("570.124.06")
        | nvml_fails(18, "LIB_RM_VERSION_MISMATCH", "Failed to initialize NVML: Driver/library version mismatch")
        | cuinit_fails(803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH")
        | torch_blind(REFUSED.format(803, "system has unsupported display driver / cuda driver combination"), 803)
        | {"driver.libraries": libraries("570.124.04")},
        "DRV003",
    ),
    "an upgrade overnight under a running module": (
        "desktop",
        driver("460.56")
        | cards("NVIDIA GeForce GTX 1080", "6.1", 0x1B80, memory_gib=8)
        | torch_build("1.12.1+cu113", "11.3")
        | nvml_fails(18, "LIB_RM_VERSION_MISMATCH")
        | cuinit_fails(803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH")
        | torch_blind("", 803)
        | {"driver.libraries": libraries("460.73.01"), "driver.module_files[0].version": "460.73.01"},
        "DRV003",
    ),
    "nouveau that comes after the initial RAM disk": (
        "desktop",
        module_gone()
        | log("nouveau 0000:01:00.0: enabling device (0000 -> 0003)", "nouveau 0000:01:00.0: NVIDIA GM204 (124020a1)")
        | {
            "driver.pci_devices[0].driver": "nouveau",
            "driver.pci_devices[0].device_id": 0x13C2,
            "driver.loaded_modules": ["nouveau"],
            "driver.blacklisted_modules": [],
        },
        "DRV004",
    ),
    "nouveau, and no driver at all": (
        "desktop",
        nothing_installed() | {"driver.pci_devices[0].driver": "nouveau", "driver.loaded_modules": ["nouveau"]},
        "DRV002",
    ),
    "modules gone since the kernel's update": (
        "desktop",
        module_gone()
        | {
            "system.kernel_release": "6.8.0-48-generic",
            "driver.has_kernel_headers": False,
            "driver.dkms": [{"module": "nvidia", "version": "580.95.05", "state": "added"}],
        },
        "DRV005",
    ),
    "a key that the kernel does not have": (
        "desktop",
        module_gone()
        | log("modprobe: ERROR: could not insert 'nvidia': Key was rejected by service")
        | {
            "driver.secure_boot": True,
            "driver.dkms": [{"module": "nvidia", "version": "580.95.05", "kernel_release": "5.15.0-119-generic"}],
        },
        "DRV006",
    ),
    "a container that SELinux keeps from the devices": (
        "desktop",
        container("podman")
        | nvml_fails(4, "NO_PERMISSION", "Failed to initialize NVML: Insufficient Permissions")
        | cuinit_fails(100, "CUDA_ERROR_NO_DEVICE")
        | torch_blind("No CUDA GPUs are available"),
        "DRV007",
    ),
    "a virtual GPU under the ordinary driver": (
        "desktop",
        gpu_ignored()
        | driver("535.129.03")
        | gpu_ignored()
        | log("NVRM: The NVIDIA GPU 0000:01:00.0 (PCI ID: 10de:1b38)", "NVRM: installed is not supported by the NVIDIA")
        | {"driver.pci_devices[0].device_id": 0x1B38, "driver.pci_devices[0].class_code": 0x030200},
        "DRV008",
    ),
    "a second card of Pascal under open modules": (
        "desktop",
        driver("560.35.03", flavour="open")
        | torch_build("2.5.1+cu124", "12.4")
        | log(
            "NVRM: The NVIDIA GPU 0000:02:00.0 (PCI ID: 10de:1b82)",
            "NVRM: installed in this system is not supported by open",
            "NVRM: nvidia.ko because it does not include the required GPU",
        )
        | {
            "driver.pci_devices[1].address": "0000:02:00.0",
            "driver.pci_devices[1].device_id": 0x1B82,
            "driver.pci_devices[1].driver": "",
        },
        "DRV009",
    ),
    "nvidia_uvm not loaded": (
        "desktop",
        cuinit_fails(999, "CUDA_ERROR_UNKNOWN")
        | torch_blind("CUDA unknown error - this may be due to an incorrectly set up environment", 999)
        | {
            "driver.loaded_modules": ["nvidia", "nvidia_modeset"],
            "driver.device_nodes": [{"path": "/dev/nvidia0"}, {"path": "/dev/nvidiactl"}],
        },
        "DRV010",
    ),
    "nvidia_uvm dead after a suspend": (
        "desktop",
        cuinit_fails(999, "CUDA_ERROR_UNKNOWN")
        | torch_blind("CUDA unknown error", 999)
        | log("PM: suspend entry (deep)", "PM: suspend exit"),
        "DRV010",
    ),
    "NVSwitch without its manager": (
        "desktop",
        driver("535.183.01")
        | cards("NVIDIA A100-SXM4-80GB", "8.0", 0x20B2, count=8, memory_gib=80)
        | torch_build("2.5.1+cu124", "12.4")
        | cuinit_fails(802, "CUDA_ERROR_SYSTEM_NOT_READY")
        | torch_blind(REFUSED.format(802, "system not yet initialized"), 802)
        | {
            "driver.pci_devices[8]": {
                "address": "0000:c0:00.0",
                "vendor_id": 0x10DE,
                "device_id": 0x1AF1,
                "class_code": 0x068000,
                "driver": "nvidia-nvswitch",
            },
        },
        "DRV011",
    ),
    "GT 710 under 535": (
        "desktop",
        driver("535.129.03")
        | gpu_ignored()
        | log(
            "NVRM: The NVIDIA GeForce GT 710 GPU installed in this system is",
            "NVRM:  supported through the NVIDIA 470.xx Legacy drivers. Please",
        )
        | {"driver.pci_devices[0].device_id": 0x128B, "driver.pci_devices[0].driver": ""},
        "DRV012",
    ),
    "Fermi under 396": (
        "desktop",
        driver("396.26", "9.2")
        | gpu_ignored()
        | log("NVRM: The NVIDIA Tesla M2070 GPU installed in this system is", "NVRM:  390.xx Legacy drivers. Please")
        | {"driver.pci_devices[0].device_id": 0x06D2, "driver.pci_devices[0].driver": ""},
        "DRV012",
    ),
    "every card exclusive and taken": (
        "desktop",
        V100_BUSY | torch_blind("CUDA error: all CUDA-capable devices are busy or unavailable", 46),
        "DRV015",
    ),
    "GSP timeout": (
        "desktop",
        gpu_ignored()
        | xids(119)
        | {"NVML.device_count": {"unknown": "NVML DeviceGetCount did not answer within 10 s"}}
        | {"machine.gpus": {"unknown": "NVML DeviceGetCount did not answer within 10 s"}}
        | {"driver.smi": {"unknown": "nvidia-smi did not answer within 10 s"}},
        "HWD001",
    ),
    "Xid 79 on a desktop": (
        "desktop",
        cuinit_fails(999, "CUDA_ERROR_UNKNOWN")
        | torch_blind("CUDA unknown error", 999)
        | xids(79)
        | nvml_fails(999, "UNKNOWN", "Unable to determine the device handle for GPU0: 0000:01:00.0: Unknown Error"),
        "HWD002",
    ),
    "Xid 79, and the files of the device gone": (
        "desktop",
        gpu_ignored() | xids(79) | nvml_fails(999, "UNKNOWN", "Failed to initialize NVML: Unknown Error"),
        "HWD002",
    ),
    "off the bus when the driver looked for it": (
        "desktop",
        gpu_ignored()
        | log("NVRM: The NVIDIA GPU 0000:01:00.0", "NVRM: fallen off the bus and is not responding to commands.")
        | {"driver.pci_devices[0].driver": ""},
        "HWD002",
    ),
    "one of eight GPUs lost": (
        "desktop",
        cards("NVIDIA H100 80GB HBM3", "9.0", 0x2330, count=8, memory_gib=80)
        | {"gpus[3].handle_error": "GPU_IS_LOST", "gpus[3].name": {"unknown": "NVML error GPU_IS_LOST"}}
        | {"api.device_count": 7},
        "HWD002",
    ),
    "an uncorrectable error that ends the context": (
        "desktop",
        cards("NVIDIA A100-SXM4-80GB", "8.0", 0x20B2, memory_gib=80)
        | xids(94, 43, 31)
        | {"gpu.ecc_mode": "enabled", "gpu.ecc_uncorrected_volatile": 4}
        | {"gpu.row_remap": {"correctable": 0, "uncorrectable": 1, "is_pending": True, "has_failed": False}}
        | torch_blind("CUDA error: uncorrectable ECC error encountered", 214),
        "HWD003 HWD001",
    ),
    "BAR1 of 0M after an image's update": (
        "desktop",
        gpu_ignored()
        | log(
            "NVRM: This PCI I/O region assigned to your NVIDIA device is invalid:",
            "NVRM: BAR1 is 0M @ 0x0 (PCI:0000:01:00.0)",
            "nvidia: probe of 0000:01:00.0 failed with error -1",
        )
        | {"driver.pci_devices[0].driver": "", "driver.pci_devices[0].unassigned_bars": [1]},
        "HWD006",
    ),
    "a small board with a small window": (
        "desktop",
        gpu_ignored()
        | log("pci 0000:01:00.0: BAR 1: no space for [mem size 0x10000000 64bit pref]", "NVRM: BAR0 is 0M @ 0x0")
        | {"driver.pci_devices[0].driver": "", "driver.pci_devices[0].unassigned_bars": [1, 3]},
        "HWD006",
    ),
    "NVLinks down": (
        "desktop",
        cards("NVIDIA H100 80GB HBM3", "9.0", 0x2330, count=2, memory_gib=80)
        | xids(149, 145)
        | {
            "gpus[0].nvlinks": [{"index": 0, "is_active": False, "remote": "switch"}],
            "gpus[1].nvlinks": [{"index": 0, "is_active": True, "remote": "switch"}],
        },
        "HWD007",
    ),
    "CUDA 12 on driver 470": (
        "desktop",
        driver("470.86")
        | cards("NVIDIA GeForce RTX 3050 Laptop GPU", "8.6", 0x25A2, memory_gib=4)
        | torch_build("2.1.2+cu121", "12.1")
        | torch_blind(TOO_OLD.format(11040), 35),
        "CUD001",
    ),
    "a cluster's CUDA 10.1": (
        "desktop",
        driver("418.226.00")
        | cards("Tesla V100-SXM2-16GB", "7.0", 0x1DB1, memory_gib=16)
        | torch_build("1.12.1+cu113", "11.3")
        | torch_blind(TOO_OLD.format(10010), 35),
        "CUD001",
    ),
    "compatibility libraries on a GeForce": (
        "desktop",
        driver("525.147.05")
        | cards("NVIDIA GeForce RTX 3090", "8.6", 0x2204)
        | container()
        | torch_build("2.3.1+cu121", "12.1")
        | cuinit_fails(804, "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE")
        | torch_blind(REFUSED.format(804, "forward compatibility was attempted on non supported HW"), 804)
        | foreign_libcuda("530.30.02", "/usr/local/cuda-12.1/compat", "compat")
        | {"driver.libraries[2]": libraries("525.147.05")[0]},
        "CUD002",
    ),
    "the toolkit's stub in a container": (
        "desktop",
        container()
        | no_library()
        | NO_DEVICE_FILES
        | {
            "driver.proc_version": ABSENT,
            "driver.module_version": ABSENT,
            "driver.loaded_modules": {"unknown": "the container does not show them"},
            "driver.pci_devices": {"unknown": "no device in this container"},
            "system.variables": {"NVIDIA_VISIBLE_DEVICES": "all"},
        }
        | torch_blind(REFUSED.format(34, "CUDA driver is a stub library"), 34),
        "CTR001",
    ),
    "a stub before the driver's own": (
        "desktop",
        cuinit_fails(34, "CUDA_ERROR_STUB_LIBRARY")
        | torch_blind(REFUSED.format(34, "CUDA driver is a stub library"), 34)
        | {
            "driver.libraries": [
                {
                    "soname": "libcuda.so.1",
                    "path": "/usr/local/cuda/lib64/stubs/libcuda.so.1",
                    "origin": "LD_LIBRARY_PATH",
                    "is_stub": True,
                },
                *libraries("580.95.05"),
            ],
            "system.variables": {"LD_LIBRARY_PATH": "/usr/local/cuda/lib64/stubs"},
            "api.library": "/usr/local/cuda/lib64/stubs/libcuda.so.1",
        },
        "CUD003",
    ),
    "an index that no GPU has": (
        "desktop",
        cards("NVIDIA TITAN X (Pascal)", "6.1", 0x1B00, count=2, memory_gib=12)
        | torch_build("2.11.0+cu126", "12.6", cudnn="9.10.2")
        | cuinit_fails(100, "CUDA_ERROR_NO_DEVICE")
        | torch_blind("No CUDA GPUs are available", 100)
        | {"system.variables": {"CUDA_VISIBLE_DEVICES": "2"}},
        "CUD009",
    ),
    "a container without a request": (
        "desktop",
        container()
        | no_library()
        | NO_DEVICE_FILES
        | {"driver.smi": ABSENT, "driver.loaded_modules": ["nvidia", "nvidia_uvm"]}
        | torch_blind("Found no NVIDIA driver on your system."),
        "CTR001",
    ),
    "a compose file with utility only": (
        "desktop",
        container()
        | cuinit_fails(100, "CUDA_ERROR_NO_DEVICE")
        | {
            "api.library": ABSENT,
            "api.init_code": ABSENT,
            "driver.libraries": [libraries("580.95.05")[1]],
            "system.variables": {"NVIDIA_DRIVER_CAPABILITIES": "utility", "NVIDIA_VISIBLE_DEVICES": "all"},
        }
        | torch_blind("Found no NVIDIA driver on your system."),
        "CTR003",
    ),
    "a container after the host's daemon-reload": (
        "desktop",
        driver("510.68.02")
        | cards("NVIDIA GeForce RTX 3090", "8.6", 0x2204)
        | container()
        | torch_build("1.12.1+cu116", "11.6")
        | nvml_fails(999, "UNKNOWN", "Failed to initialize NVML: Unknown Error")
        | cuinit_fails(100, "CUDA_ERROR_NO_DEVICE")
        | torch_blind("No CUDA GPUs are available", 100),
        "CTR004",
    ),
    "an image of CUDA 12.8 on driver 550 with its own libraries": (
        "desktop",
        driver("550.54.14")
        | container()
        | torch_build("2.11.0+cu130", "13.0")
        | torch_blind(TOO_OLD.format(12040), 35),
        "CUD001",
    ),
    "a Linux NVML in WSL": (
        "desktop",
        driver("555.85")
        | nvml_fails(9, "DRIVER_NOT_LOADED", "NVML library initialization failed")
        | cuinit_fails(100, "CUDA_ERROR_NO_DEVICE")
        | torch_blind("No CUDA GPUs are available", 100)
        | {
            "system.wsl": {
                "version": 2,
                "has_dxg": True,
                "libraries": ["libcuda.so.1", "libnvidia-ml.so.1", "libdxcore.so"],
                "on_loader_path": True,
            },
            "driver.pci_devices": [],
            "driver.module_version": ABSENT,
            "driver.proc_version": ABSENT,
            "driver.loaded_modules": [],
            "driver.module_files": [],
            "driver.device_nodes": [],
            "driver.packages": [{"name": "nvidia-driver-550", "version": "550.163.01-0ubuntu1", "manager": "dpkg"}],
            "driver.libraries": libraries("550.163.01"),
        },
        "WSL002",
    ),
    "WSL without the Windows driver's files": (
        "desktop",
        no_library()
        | {
            "system.wsl": {"version": 2, "has_dxg": True, "libraries": ["libd3d12.so", "libdxcore.so"]},
            "driver.pci_devices": [],
            "driver.module_version": ABSENT,
            "driver.proc_version": ABSENT,
            "driver.loaded_modules": [],
            "driver.module_files": [],
            "driver.device_nodes": [],
            "driver.packages": [],
        }
        | torch_blind("Found no NVIDIA driver on your system."),
        "WSL003",
    ),
    "WSL 1": (
        "desktop",
        no_library()
        | {
            "system.wsl": {"version": 1, "kernel_release": "4.4.0-19041-Microsoft"},
            "driver.pci_devices": [],
            "driver.module_version": ABSENT,
            "driver.proc_version": ABSENT,
            "driver.loaded_modules": {"unknown": "no /proc/modules"},
            "driver.module_files": [],
            "driver.device_nodes": [],
            "driver.packages": [],
        }
        | torch_blind("Found no NVIDIA driver on your system."),
        "WSL001",
    ),
    "Apple's GPU and a container's CUDA torch": (
        "no_gpu",
        {
            "system.os_name": "Darwin",
            "system.architecture": "arm64",
            "env.platform_tag": "macosx-14.0-arm64",
            "env.torch": {"version": "2.4.0+cu121", "cuda": "12.1"},
            "driver.pci_devices": [],
        },
        "VND003",
    ),
    "an Intel GPU and a torch for CUDA": (
        "no_gpu",
        {
            "driver.pci_devices": [{**RADEON, "vendor_id": 0x8086, "device_id": 0x0BDA, "class_code": 0x038000}],
            "env.torch": {"version": "2.8.0+cu128", "cuda": "12.8"},
            "env.packages": [{"name": "torch", "version": "2.8.0+cu128", "installer": "pip"}],
        },
        "VND002",
    ),
    "13 GB held by nobody": (
        "desktop",
        driver("410.48")
        | cards("Tesla P100-SXM2-16GB", "6.0", 0x15F9, memory_gib=16)
        | torch_build("1.12.1+cu102", "10.2", cudnn="7.6.5")
        | {"gpu.memory_used_bytes": 13 * GIB},
        "MEM002",
    ),
    "a libcuda inside the image": (
        "desktop",
        driver("460.27.04")
        | container()
        | cuinit_fails(803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH")
        | torch_build("1.12.1+cu113", "11.3")
        | torch_blind(REFUSED.format(803, "system has unsupported display driver / cuda driver combination"), 803)
        | foreign_libcuda("455.45.01", FOLDER),
        "CUD013",
    ),
    "shared memory of 64 MiB, full": (
        "desktop",
        container() | {"system.shm_total_bytes": 64 * 1024**2, "system.shm_available_bytes": 0},
        "CTR005",
    ),
    "a torch for the CPU beside a good GPU": (
        "desktop",
        cpu_torch(),
        "TOR001",
    ),
}
