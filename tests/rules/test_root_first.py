"""Machines with a root and several consequences, or with two roots: what is told, and in which order."""

from __future__ import annotations

import pytest

from gpudoctor.findings.finding import Severity
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
    tensorflow_import_fails,
    torch_blind,
    torch_import_fails,
    xids,
)
from tests.rules.diagnosis import report_of
from tests.rules.field_cases_of_python import WINDOWS
from tests.rules.machine_lines import ABSENT, SITE, Lines, cards, cpu_torch, driver, libraries, torch_build
from tests.rules.whole_machines import A100, CONTAINER, HOPPERS, V100

MISMATCH = (
    driver("570.124.06")
    | nvml_fails(18, "LIB_RM_VERSION_MISMATCH")
    | cuinit_fails(803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH")
    | torch_blind("Error 803", 803)
    | {"driver.libraries": libraries("570.133.20")}
)
NOUVEAU = {
    "driver.pci_devices[0].driver": "nouveau",
    "driver.loaded_modules": ["nouveau"],
    "driver.blacklisted_modules": [],
}
NO_CUDNN = "ImportError: libcudnn.so.9: cannot open shared object file: No such file or directory"
NO_CUBLAS = "ImportError: libcublas.so.12: cannot open shared object file: No such file or directory"
SIGNED = {"driver.secure_boot": True, "driver.module_files[0].is_signed": False}
SECOND_ENVIRONMENT = {
    "environments[1].path": "/home/user/other",
    "environments[1].interpreter": "/home/user/other/bin/python",
}

MACHINES: dict[str, tuple[str, Lines, str]] = {
    "libraries updated under the module; the kernel was, too": (
        "desktop",
        MISMATCH | {"system.kernel_release": "6.8.0-48-generic"},
        "DRV003",
    ),
    "libraries updated, and the torch is for the CPU": ("desktop", MISMATCH | cpu_torch(), "DRV003 TOR001"),
    "nouveau, no libcuda, torch sees nothing": (
        "desktop",
        module_gone() | NOUVEAU | no_library() | {"driver.module_files": []},
        "DRV004",
    ),
    "nouveau, and the torch is for the CPU": ("desktop", module_gone() | NOUVEAU | cpu_torch(), "DRV004 TOR001"),
    "no driver, and the torch is for the CPU": ("desktop", nothing_installed() | cpu_torch(), "DRV002 TOR001"),
    "Secure Boot and a module that DKMS built": (
        "desktop",
        module_gone() | SIGNED | {"driver.dkms": [{"module": "nvidia", "version": "580.95.05", "state": "installed"}]},
        "DRV006",
    ),
    "Secure Boot, nouveau in the gap": (
        "desktop",
        module_gone() | SIGNED | NOUVEAU | log("Loading of unsigned module is rejected"),
        "DRV006",
    ),
    "container without a GPU, in it a toolkit with its stub": (
        "desktop",
        container()
        | no_library()
        | torch_blind("Found no NVIDIA driver on your system.")
        | {
            "driver.device_nodes": [],
            "driver.libraries": [
                {
                    "soname": "libcuda.so.1",
                    "path": "/usr/local/cuda/lib64/stubs/libcuda.so.1",
                    "origin": "loader cache",
                    "is_stub": True,
                }
            ],
            "api.library": "/usr/local/cuda/lib64/stubs/libcuda.so.1",
            "api.init_code": 34,
            "api.init_name": "CUDA_ERROR_STUB_LIBRARY",
        },
        "CTR001",
    ),
    "container without a GPU on a host whose bus is hidden": (
        "desktop",
        container()
        | no_library()
        | torch_blind("Found no NVIDIA driver on your system.")
        | {
            "driver.device_nodes": [],
            "driver.proc_version": ABSENT,
            "driver.module_version": ABSENT,
            "driver.pci_devices": {"unknown": "no device in this container"},
            "driver.loaded_modules": {"unknown": "no /proc/modules"},
        },
        "CTR001",
    ),
    "pins broken, a library gone, the import fails": (
        "desktop",
        torch_import_fails(NO_CUDNN) | {"packages.nvidia-cudnn-cu13": ABSENT, "toolkits.cudnn": []},
        "TOR003",
    ),
    "cuBLAS gone, cuDNN of the other major there": (
        "desktop",
        torch_build("2.8.0+cu128", "12.8")
        | torch_import_fails(NO_CUBLAS)
        | {
            "packages.torch": {"version": "2.8.0", "requires": ["nvidia-cublas-cu12==12.8.4.1"]},
            "packages.nvidia-cudnn-cu12": "9.10.2.21",
            "packages.nvidia-cudnn-cu13": "9.15.1.9",
        },
        "TOR003",
    ),
    "files of torch deleted, the import fails": (
        "desktop",
        torch_import_fails("ImportError: libtorch_cuda.so: cannot open shared object file")
        | {
            "packages.torch": {
                "version": "2.11.0",
                "missing_files": ["torch/lib/libtorch_cuda.so"],
                "missing_file_count": 1,
            }
        },
        "PYT007",
    ),
    "a driver too old, on a card too old for the wheel": (
        "desktop",
        driver("550.163.01") | V100 | torch_build("2.11.0+cu130", "13.0") | torch_blind("too old", 35),
        "CUD001 CUD007",
    ),
    "K80": (
        "desktop",
        driver("470.256.02")
        | cards("Tesla K80", "3.7", 0x102D, memory_gib=12)
        | torch_build("2.4.1+cu121", "12.1")
        | torch_blind("The NVIDIA driver on your system is too old (found version 11040).", 35),
        "CUD011",
    ),
    "nvidia_uvm dead, and a variable that names the GPU": (
        "desktop",
        cuinit_fails(999, "CUDA_ERROR_UNKNOWN")
        | torch_blind("CUDA unknown error", 999)
        | {"system.variables": {"CUDA_VISIBLE_DEVICES": "0"}},
        "DRV010",
    ),
    "MIG without instances": (
        "desktop",
        driver("570.172.08")
        | A100
        | torch_build("2.8.0+cu128", "12.8")
        | cuinit_fails(100, "CUDA_ERROR_NO_DEVICE")
        | torch_blind("No CUDA GPUs are available", 100)
        | {"gpu.mig_mode": "enabled", "gpu.mig_mode_pending": "enabled"},
        "DRV014",
    ),
    "MIG, and a name of an instance that was": (
        "desktop",
        driver("570.172.08")
        | A100
        | torch_build("2.8.0+cu128", "12.8")
        | cuinit_fails(100, "CUDA_ERROR_NO_DEVICE")
        | torch_blind("No CUDA GPUs are available", 100)
        | {
            "gpu.mig_mode": "enabled",
            "gpu.mig_mode_pending": "enabled",
            "gpu.mig_instances": [{"uuid": "MIG-11111111-2222-3333-4444-555555555555"}],
            "system.variables": {"CUDA_VISIBLE_DEVICES": "MIG-99999999-2222-3333-4444-555555555555"},
        },
        "DRV014",
    ),
    "the fabric waits, inside a container": (
        "desktop",
        HOPPERS
        | CONTAINER
        | cuinit_fails(802, "CUDA_ERROR_SYSTEM_NOT_READY")
        | torch_blind("Error 802: system not yet initialized", 802)
        | {"gpus[0].fabric_state": "in_progress", "driver.fabric_manager": ABSENT},
        "DRV011",
    ),
    "the fabric manager of another version, links down": (
        "desktop",
        HOPPERS
        | cuinit_fails(802, "CUDA_ERROR_SYSTEM_NOT_READY")
        | torch_blind("Error 802", 802)
        | {
            "driver.fabric_manager.version": "570.133.20",
            "driver.fabric_manager.state": "failed",
            "gpus[2].nvlinks": [{"index": 0, "is_active": False, "remote": "switch"}],
        },
        "DRV011",
    ),
    "Blackwell under proprietary modules": (
        "desktop",
        driver("570.195.03", flavour="proprietary")
        | gpu_ignored()
        | {"driver.pci_devices[0].device_id": 0x2B85}
        | log("NVRM: installed in this system requires use of the NVIDIA open kernel modules."),
        "DRV009",
    ),
    "Blackwell under a branch before it": (
        "desktop",
        driver("550.163.01", flavour="proprietary") | gpu_ignored() | {"driver.pci_devices[0].device_id": 0x2B85},
        "DRV008",
    ),
    "a virtual machine without its GPU, driver installed": (
        "desktop",
        nvml_fails(9, "DRIVER_NOT_LOADED")
        | cuinit_fails(100, "CUDA_ERROR_NO_DEVICE")
        | torch_blind("No CUDA GPUs are available", 100)
        | {
            "driver.pci_devices": [
                {"address": "0000:00:01.0", "vendor_id": 0x1234, "device_id": 0x1111, "class_code": 0x030000}
            ],
            "driver.proc_version": ABSENT,
            "driver.module_version": ABSENT,
            "driver.loaded_modules": [],
            "driver.device_nodes": [],
            "system.virtualization": "KVM",
        },
        "DRV001",
    ),
    "one GPU of four fell off the bus, the driver hangs on it": (
        "desktop",
        cards("NVIDIA L40S", "8.9", 0x26B9, count=4, memory_gib=48)
        | driver("570.172.08")
        | torch_build("2.8.0+cu128", "12.8")
        | xids(79, 154, address="0000:03:00")
        | cuinit_fails(999, "CUDA_ERROR_UNKNOWN")
        | torch_blind("CUDA unknown error", 999)
        | {"gpus[2].handle_error": "GPU_IS_LOST", "gpus[2].name": {"unknown": "NVML error GPU_IS_LOST"}},
        "HWD002",
    ),
    "a fatal Xid that leaves the driver dead": (
        "desktop",
        xids(119) | cuinit_fails(999, "CUDA_ERROR_UNKNOWN") | torch_blind("CUDA unknown error", 999),
        "HWD001",
    ),
    "memory full, the framework ran out of it": (
        "desktop",
        torch_blind("CUDA error: out of memory", 2)
        | {"gpu.memory_used_bytes": 23 * GIB}
        | {"gpu.processes": [{"pid": 77, "name": "ollama", "memory_used_bytes": 23 * GIB}]},
        "MEM002",
    ),
    "a prohibited card": (
        "desktop",
        {"gpu.compute_mode": "prohibited"}
        | cuinit_fails(100, "CUDA_ERROR_NO_DEVICE")
        | torch_blind("No CUDA GPUs are available", 100),
        "DRV015",
    ),
    "libcuda of an older driver on LD_LIBRARY_PATH": (
        "desktop",
        cuinit_fails(803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH")
        | torch_blind("Error 803", 803)
        | foreign_libcuda("535.183.01", "/opt/old/lib", "LD_LIBRARY_PATH")
        | {"system.variables": {"LD_LIBRARY_PATH": "/opt/old/lib"}},
        "CUD013",
    ),
    "one environment broken, the other one good": (
        "desktop",
        SECOND_ENVIRONMENT | {"environments[1].torch": {"version": "2.11.0+cpu"}, "environments[1].runs": []},
        "TOR001",
    ),
    "a wrong Python beneath everything": (
        "desktop",
        torch_import_fails("ImportError: torch/_C.cpython-311-x86_64-linux-gnu.so: undefined symbol: PyCode_New")
        | {
            "env.python_version": "3.13.1",
            "packages.torch": {"version": "2.11.0", "wheel_tags": ["cp311-cp311-manylinux_2_28_x86_64"]},
            "packages.torchvision": {"version": "0.25.0", "requires": ["torch==2.10.0"]},
        },
        "PYT001 TOR002",
    ),
    "NumPy 2 and protobuf 7 under TensorFlow 2.15": (
        "tensorflow",
        tensorflow_import_fails("AttributeError: _ARRAY_API not found")
        | {
            "env.tensorflow.version": "2.15.1",
            "packages.tensorflow": {"version": "2.15.1", "requires": ["numpy<2.0.0,>=1.23.5", "protobuf<5,>=3.20.3"]},
            "packages.keras": {"version": "2.15.0"},
        },
        "PYT003",
    ),
    "Windows: CPU torch, and its DLL is missing": (
        "desktop",
        driver("581.80", "13.0")
        | WINDOWS
        | cpu_torch("2.4.0+cpu")
        | torch_import_fails('OSError: [WinError 126] Error loading "fbgemm.dll" or one of its dependencies.'),
        "PYT009 TOR001",
    ),
    "system cuDNN taken, and two in one process": (
        "desktop",
        {
            "run.torch.runtime_cudnn": "9.1.0",
            "run.torch.mapped_libraries": [
                {"soname": "libcudnn.so.9", "path": "/usr/lib/x86_64-linux-gnu/libcudnn.so.9.1.0", "version": "9.1.0"},
                {
                    "soname": "libcudnn_ops.so.9",
                    "path": f"{SITE}/nvidia/cudnn/lib/libcudnn_ops.so.9",
                    "version": "9.15.1",
                },
            ],
            "system.variables": {"LD_LIBRARY_PATH": "/usr/lib/x86_64-linux-gnu"},
        },
        "CUD004",
    ),
    "no power of its own, hot, and at eight lanes": (
        "desktop",
        {
            "gpu.clock_event_reasons": ["hw_slowdown", "hw_thermal_slowdown"],
            "gpu.utilization_percent": 99,
            "gpu.pcie_generation": 4,
            "gpu.pcie_width": 8,
            "driver.pci_devices[0].link_width": 8,
        },
        "HWD004 HWD005",
    ),
    "device files missing after the boot, no udev": (
        "desktop",
        nvml_fails(9, "DRIVER_NOT_LOADED")
        | cuinit_fails(999, "CUDA_ERROR_UNKNOWN")
        | torch_blind("CUDA unknown error", 999)
        | {"driver.device_nodes": []},
        "DRV007",
    ),
    "a kernel of another environment, and a CPU torch in this one": (
        "desktop",
        cpu_torch()
        | SECOND_ENVIRONMENT
        | {
            "environments[1].torch": ABSENT,
            "environments[1].packages": [],
            "environments[1].runs": [],
            "kernelspecs[0].environment": "/home/user/other",
            "kernelspecs[0].interpreter": "/home/user/other/bin/python",
        },
        "TOR001 JUP002",
    ),
}


@pytest.mark.parametrize(("base", "lines", "codes"), MACHINES.values(), ids=MACHINES)
def test_the_root_stands_first_and_consequences_are_hidden(base: str, lines: Lines, codes: str) -> None:
    report = report_of(base, lines)
    bad = [finding for finding in report.findings if finding.severity is not Severity.INFO]
    assert report.crashed == ()
    assert [finding.code for finding in bad] == codes.split(), "\n".join(one.message for one in bad)
