"""Healthy machines on which the rules' fixtures are overlays: every fact known, nothing wrong."""

from __future__ import annotations

import msgspec

from gpudoctor.facts.driver import (
    CudaDevice,
    CudaDriverApi,
    DeviceNode,
    Driver,
    DriverLibrary,
    ModuleFile,
    Nvml,
    PciDevice,
    Smi,
    SystemPackage,
)
from gpudoctor.facts.environment import (
    Environment,
    FrameworkDevice,
    FrameworkRun,
    MappedLibrary,
    Package,
    TensorflowBuild,
    TorchBuild,
)
from gpudoctor.facts.fact import Fact, absent, known
from gpudoctor.facts.gpu import Gpu, RowRemap
from gpudoctor.facts.jupyter import KernelSpec
from gpudoctor.facts.kernel_log import KernelLog, LogLine
from gpudoctor.facts.snapshot import SCHEMA, Machine, Snapshot
from gpudoctor.facts.system import HostCompiler, System, User
from gpudoctor.facts.toolkit import CudnnCopy, SystemLibrary, Toolkit, Toolkits

DRIVER = "580.95.05"
KERNEL = "5.15.0-119-generic"
VENV = "/home/user/project/.venv"
GIB = 1024**3


def _system() -> System:
    return System(
        os_name=known("Linux", "uname"),
        distribution_id=known("ubuntu", "/etc/os-release"),
        distribution_like=known(("debian",), "/etc/os-release"),
        distribution_version=known("22.04", "/etc/os-release"),
        distribution_name=known("Ubuntu 22.04.5 LTS", "/etc/os-release"),
        kernel_release=known(KERNEL, "/proc/sys/kernel/osrelease"),
        architecture=known("x86_64", "uname"),
        glibc_version=known("2.35", "libc"),
        glibcxx_version=known("3.4.30", "/usr/lib/x86_64-linux-gnu/libstdc++.so.6"),
        cpu_model=known("AMD Ryzen 9 7950X", "/proc/cpuinfo"),
        cpu_count=known(32, "/proc/cpuinfo"),
        cpu_flags=known(("avx", "avx2", "avx512f", "f16c", "fma", "sse4_1", "sse4_2", "ssse3"), "/proc/cpuinfo"),
        memory_total_bytes=known(64 * GIB, "/proc/meminfo"),
        memory_available_bytes=known(50 * GIB, "/proc/meminfo"),
        shm_total_bytes=known(32 * GIB, "/dev/shm"),
        shm_available_bytes=known(32 * GIB, "/dev/shm"),
        disk_free_bytes=known(400 * GIB, "/home"),
        virtualization=absent("/sys/class/dmi/id"),
        container=absent("/proc/1/cgroup"),
        wsl=absent("/proc/sys/kernel/osrelease"),
        tegra_release=absent("/etc/nv_tegra_release"),
        user=known(User(uid=1000, groups=("user", "video", "render")), "os"),
        variables=known({}, "environment"),
        host_compiler=known(HostCompiler(name="gcc", version="11.4.0", path="/usr/bin/gcc"), "gcc --version"),
    )


def _nvidia_pci(number: int = 1) -> PciDevice:
    return PciDevice(
        address=f"0000:{number:02x}:00.0",
        vendor_id=0x10DE,
        device_id=0x2684,
        class_code=0x030000,
        driver="nvidia",
        link_width=16,
        link_width_max=16,
        link_speed_gts=2.5,
        link_speed_max_gts=16.0,
    )


def _driver() -> Driver:
    source = "NVML"
    folder = "/usr/lib/x86_64-linux-gnu"
    return Driver(
        nvml=Nvml(
            library=known(f"{folder}/libnvidia-ml.so.{DRIVER}", "/proc/self/maps"),
            init_code=known(0, "NVML Init"),
            init_error=absent("NVML Init"),
            nvml_version=known(f"13.{DRIVER}", source),
            driver_version=known(DRIVER, source),
            cuda_version=known("13.0", source),
            device_count=known(1, source),
        ),
        api=CudaDriverApi(
            library=known(f"{folder}/libcuda.so.{DRIVER}", "/proc/self/maps"),
            init_code=known(0, "cuInit"),
            init_name=absent("cuInit"),
            driver_version=known("13.0", "cuDriverGetVersion"),
            device_count=known(1, "cuDeviceGetCount"),
            devices=known(
                (CudaDevice(index=0, name="NVIDIA GeForce RTX 4090", compute_capability="8.9"),), "cuDeviceGet"
            ),
        ),
        smi=known(
            Smi(
                path="/usr/bin/nvidia-smi",
                exit_code=0,
                driver_version=DRIVER,
                cuda_version="13.0",
                smi_version=DRIVER,
                is_table=True,
            ),
            "nvidia-smi",
        ),
        proc_version=known(DRIVER, "/proc/driver/nvidia/version"),
        proc_flavour=known("open", "/proc/driver/nvidia/version"),
        module_version=known(DRIVER, "/sys/module/nvidia/version"),
        loaded_modules=known(("nvidia", "nvidia_drm", "nvidia_modeset", "nvidia_uvm"), "/proc/modules"),
        module_files=known(
            (
                ModuleFile(
                    kernel_release=KERNEL,
                    path=f"/lib/modules/{KERNEL}/updates/dkms/nvidia.ko",
                    version=DRIVER,
                    flavour="open",
                ),
            ),
            "/lib/modules",
        ),
        has_kernel_headers=known(True, f"/lib/modules/{KERNEL}/build"),
        dkms=known((), "/var/lib/dkms"),
        packages=known(
            (SystemPackage(name="nvidia-driver-580-open", version=f"{DRIVER}-0ubuntu0.22.04.1", manager="dpkg"),),
            "dpkg status",
        ),
        libraries=known(
            (
                DriverLibrary(
                    soname="libcuda.so.1",
                    path=f"{folder}/libcuda.so.{DRIVER}",
                    version=DRIVER,
                    origin="loader cache",
                ),
                DriverLibrary(
                    soname="libnvidia-ml.so.1",
                    path=f"{folder}/libnvidia-ml.so.{DRIVER}",
                    version=DRIVER,
                    origin="loader cache",
                ),
            ),
            "ldconfig -p",
        ),
        device_nodes=known(
            tuple(DeviceNode(path=f"/dev/{name}") for name in ("nvidia0", "nvidiactl", "nvidia-uvm")), "/dev"
        ),
        blacklisted_modules=known(("nouveau",), "/etc/modprobe.d"),
        secure_boot=known(False, "mokutil --sb-state"),
        lockdown=known("none", "/sys/kernel/security/lockdown"),
        fabric_manager=absent("nv-fabricmanager"),
        pci_devices=known((_nvidia_pci(),), "/sys/bus/pci/devices"),
    )


def _gpu(index: int = 0) -> Gpu:
    def seen(value: object) -> Fact[object]:
        return known(value, "NVML")

    values: dict[str, object] = {
        "handle_error": None,
        "name": "NVIDIA GeForce RTX 4090",
        "uuid": f"GPU-0000000{index}-1111-2222-3333-444444444444",
        "serial": None,
        "pci_address": f"0000:{index + 1:02x}:00.0",
        "pci_device_id": 0x2684,
        "compute_capability": "8.9",
        "memory_total_bytes": 24564 * 1024**2,
        "memory_used_bytes": 300 * 1024**2,
        "memory_reserved_bytes": 500 * 1024**2,
        "temperature_celsius": 41,
        "slowdown_temperature_celsius": 93,
        "power_watts": 22.0,
        "power_limit_watts": 450.0,
        "power_limit_default_watts": 450.0,
        "sm_clock_mhz": 210,
        "sm_clock_max_mhz": 3105,
        "memory_clock_mhz": 405,
        "clock_event_reasons": ("gpu_idle",),
        "utilization_percent": 0,
        "pcie_generation": 1,
        "pcie_generation_max": 4,
        "pcie_width": 16,
        "pcie_width_max": 16,
        "ecc_mode": "disabled",
        "ecc_uncorrected_volatile": None,
        "ecc_uncorrected_aggregate": None,
        "retired_pages_double_bit": None,
        "retired_pages_pending": None,
        "row_remap": RowRemap(correctable=0, uncorrectable=0, is_pending=False, has_failed=False),
        "persistence_mode": False,
        "compute_mode": "default",
        "mig_mode": None,
        "mig_mode_pending": None,
        "mig_instances": (),
        "nvlinks": (),
        "fabric_state": "not_supported",
        "fabric_status": None,
        "processes": (),
        "driver_model": None,
    }
    return Gpu(index=index, **{name: seen(value) for name, value in values.items()})  # type: ignore[arg-type]


def _torch_run() -> FrameworkRun:
    source = "torch in a child process"
    return FrameworkRun(
        framework="torch",
        version=known("2.11.0+cu130", source),
        import_error=absent(source),
        import_traceback=absent(source),
        exit_signal=absent(source),
        ended_in_stage=absent(source),
        stderr_tail=known("", source),
        built_cuda=known("13.0", source),
        built_rocm=absent(source),
        built_cudnn=known("9.15.1", source),
        arch_list=known(("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"), source),
        is_gpu_available=known(True, source),
        gpu_error=absent(source),
        gpu_error_code=absent(source),
        devices=known((FrameworkDevice(index=0, name="NVIDIA GeForce RTX 4090", compute_capability="8.9"),), source),
        runtime_cudnn=known("9.15.1", source),
        mapped_libraries=known(
            (
                MappedLibrary(
                    soname="libcudart.so.13",
                    path=f"{VENV}/lib/python3.11/site-packages/nvidia/cu13/lib/libcudart.so.13",
                ),
                MappedLibrary(
                    soname="libcudnn.so.9",
                    path=f"{VENV}/lib/python3.11/site-packages/nvidia/cudnn/lib/libcudnn.so.9",
                    version="9.15.1",
                ),
            ),
            "/proc/self/maps",
        ),
        kernel_runs=known((), source),
    )


def _torch_environment() -> Environment:
    source = "metadata"
    return Environment(
        path=VENV,
        interpreter=f"{VENV}/bin/python",
        selected_by="VIRTUAL_ENV",
        kind=known("venv", source),
        name=absent(source),
        python_version=known("3.11.7", source),
        implementation=known("cpython", source),
        is_free_threaded=known(False, source),
        pointer_bits=known(64, source),
        platform_tag=known("linux-x86_64", source),
        libc=known("glibc 2.35", source),
        base_prefix=known("/usr", source),
        is_externally_managed=known(False, source),
        search_path=known((f"{VENV}/lib/python3.11/site-packages",), source),
        packages=known(
            (
                Package(name="numpy", version="2.3.4", installer="pip"),
                Package(
                    name="nvidia-cudnn-cu13",
                    version="9.15.1.9",
                    installer="pip",
                ),
                Package(name="nvidia-nccl-cu13", version="2.28.9", installer="pip"),
                Package(
                    name="torch",
                    version="2.11.0",
                    installer="pip",
                    requires=(
                        "nvidia-cudnn-cu13==9.15.1.9; platform_system == 'Linux'",
                        "nvidia-nccl-cu13==2.28.9; platform_system == 'Linux'",
                        "triton==3.6.0; platform_system == 'Linux'",
                    ),
                ),
                Package(name="triton", version="3.6.0", installer="pip"),
            ),
            source,
        ),
        conda_packages=absent(source),
        leftovers=known((), source),
        shared_files=known((), source),
        shadowing_files=known((), source),
        toolkits=known((), source),
        openmp_libraries=known((), source),
        torch=known(TorchBuild(version="2.11.0+cu130", cuda="13.0"), "torch/version.py"),
        tensorflow=absent("tensorflow is not installed"),
        runs=(_torch_run(),),
    )


def desktop() -> Snapshot:
    """Ubuntu 22.04, one RTX 4090, driver 580.95.05 (open), a venv with torch 2.11.0+cu130 that works."""
    return Snapshot(
        schema=SCHEMA,
        created="2026-11-20T10:00:00+00:00",
        tool_version="0.1.0",
        machine=Machine(
            system=_system(),
            driver=_driver(),
            gpus=known((_gpu(),), "NVML"),
            toolkits=Toolkits(
                installed=known(
                    (
                        Toolkit(
                            path="/usr/local/cuda-12.4",
                            origin="folder",
                            version="12.4.131",
                            nvcc_path="/usr/local/cuda-12.4/bin/nvcc",
                            has_ptxas=True,
                            has_libdevice=True,
                            gcc_max_major=13,
                            is_default=True,
                        ),
                    ),
                    "/usr/local",
                ),
                cudnn=known(
                    (CudnnCopy(path="/usr/include/cudnn_version.h", version="9.1.0", origin="header"),), "/usr"
                ),
                libraries=known(
                    (SystemLibrary(soname="libcublas.so.12", path="/usr/local/cuda-12.4/lib64/libcublas.so.12"),),
                    "ldconfig -p",
                ),
            ),
            kernel_log=KernelLog(
                lines=known(
                    (LogLine(number=1, text=f"NVRM: loading NVIDIA UNIX Open Kernel Module  {DRIVER}"),), "dmesg"
                ),
                xids=known((), "dmesg"),
            ),
            kernelspecs=known(
                (
                    KernelSpec(
                        name="python3",
                        path=f"{VENV}/share/jupyter/kernels/python3/kernel.json",
                        display_name="Python 3",
                        argv=(f"{VENV}/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"),
                        language="python",
                        interpreter=f"{VENV}/bin/python",
                        has_ipykernel=True,
                        environment=VENV,
                    ),
                ),
                "Jupyter paths",
            ),
        ),
        environments=(_torch_environment(),),
    )


def tensorflow_desktop() -> Snapshot:
    """The desktop with a working TensorFlow 2.21.0 environment instead of torch."""
    snapshot = desktop()
    source = "tensorflow in a child process"
    site = f"{VENV}/lib/python3.11/site-packages"
    run = FrameworkRun(
        framework="tensorflow",
        version=known("2.21.0", source),
        import_error=absent(source),
        import_traceback=absent(source),
        exit_signal=absent(source),
        ended_in_stage=absent(source),
        stderr_tail=known("", source),
        built_cuda=known("12.5.1", source),
        built_rocm=absent(source),
        built_cudnn=known("9", source),
        arch_list=known(("sm_60", "sm_70", "sm_80", "sm_89", "compute_90"), source),
        is_gpu_available=known(True, source),
        gpu_error=absent(source),
        gpu_error_code=absent(source),
        devices=known((FrameworkDevice(index=0, name="NVIDIA GeForce RTX 4090", compute_capability="8.9"),), source),
        runtime_cudnn=known("9.27.0", source),
        mapped_libraries=known(
            (MappedLibrary(soname="libcudnn.so.9", path=f"{site}/nvidia/cudnn/lib/libcudnn.so.9", version="9.27.0"),),
            "/proc/self/maps",
        ),
        kernel_runs=known((), source),
    )
    environment = msgspec.structs.replace(
        snapshot.environments[0],
        packages=known(
            (
                Package(name="keras", version="3.12.0", installer="pip"),
                Package(name="numpy", version="2.1.3", installer="pip"),
                Package(name="nvidia-cublas-cu12", version="12.9.1.4", installer="pip"),
                Package(name="nvidia-cuda-nvcc-cu12", version="12.9.86", installer="pip"),
                Package(name="nvidia-cuda-runtime-cu12", version="12.9.79", installer="pip"),
                Package(name="nvidia-cudnn-cu12", version="9.27.0.42", installer="pip"),
                Package(name="protobuf", version="6.33.0", installer="pip"),
                Package(
                    name="tensorflow", version="2.21.0", installer="pip", requires=("keras>=3.12.0", "numpy>=1.26.0")
                ),
            ),
            "metadata",
        ),
        torch=absent("torch is not installed"),
        tensorflow=known(
            TensorflowBuild(
                version="2.21.0",
                is_cuda_build=True,
                cuda_version="12.5.1",
                cudnn_version="9",
                compute_capabilities=("sm_60", "sm_70", "sm_80", "sm_89", "compute_90"),
            ),
            "tensorflow/python/platform/build_info.py",
        ),
        runs=(run,),
    )
    return msgspec.structs.replace(snapshot, environments=(environment,))


def no_gpu() -> Snapshot:
    """The desktop without GPU, driver or frameworks: a plain CPU machine with an empty environment."""
    snapshot = desktop()
    driver = Driver(
        nvml=Nvml(
            library=absent("loader"),
            init_code=absent("no NVML"),
            init_error=absent("no NVML"),
            nvml_version=absent("no NVML"),
            driver_version=absent("no NVML"),
            cuda_version=absent("no NVML"),
            device_count=absent("no NVML"),
        ),
        api=CudaDriverApi(
            library=absent("loader"),
            init_code=absent("no libcuda"),
            init_name=absent("no libcuda"),
            driver_version=absent("no libcuda"),
            device_count=absent("no libcuda"),
            devices=absent("no libcuda"),
        ),
        smi=absent("PATH"),
        proc_version=absent("/proc/driver/nvidia/version"),
        proc_flavour=absent("/proc/driver/nvidia/version"),
        module_version=absent("/sys/module/nvidia/version"),
        loaded_modules=known((), "/proc/modules"),
        module_files=known((), "/lib/modules"),
        has_kernel_headers=known(True, "/lib/modules"),
        dkms=known((), "/var/lib/dkms"),
        packages=known((), "dpkg status"),
        libraries=known((), "ldconfig -p"),
        device_nodes=known((), "/dev"),
        blacklisted_modules=known((), "/etc/modprobe.d"),
        secure_boot=known(False, "mokutil --sb-state"),
        lockdown=known("none", "/sys/kernel/security/lockdown"),
        fabric_manager=absent("nv-fabricmanager"),
        pci_devices=known(
            (PciDevice(address="0000:00:01.0", vendor_id=0x1234, device_id=0x1111, class_code=0x030000),), "/sys"
        ),
    )
    environment = msgspec.structs.replace(
        snapshot.environments[0],
        packages=known((), "metadata"),
        torch=absent("torch is not installed"),
        tensorflow=absent("tensorflow is not installed"),
        runs=(),
    )
    machine = msgspec.structs.replace(
        snapshot.machine,
        driver=driver,
        gpus=known((), "no NVML, and no NVIDIA device on the bus"),
        toolkits=Toolkits(
            installed=known((), "/usr/local"), cudnn=known((), "/usr"), libraries=known((), "ldconfig -p")
        ),
        kernel_log=KernelLog(lines=known((), "dmesg"), xids=known((), "dmesg")),
    )
    return msgspec.structs.replace(snapshot, machine=machine, environments=(environment,))


BASES = {"desktop": desktop, "tensorflow": tensorflow_desktop, "no_gpu": no_gpu}
