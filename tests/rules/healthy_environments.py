"""Healthy machines with every kind of environment: name -> base and lines."""

from __future__ import annotations

from tests.rules.broken_states import nothing_installed
from tests.rules.machine_lines import (
    ABSENT,
    Lines,
    cards,
    driver,
    no_frameworks,
    tensorflow_build,
    torch_build,
)
from tests.rules.whole_machines import (
    CONDA_TENSORFLOW,
    CONDA_TORCH,
    CONTAINER,
    CUPY,
    JAX,
    KERNELS_OF_OTHERS,
    NUMPY_2,
    TWO_TOOLKITS,
    WSL,
)


def pip(**versions: str) -> Lines:
    """Return packages laid over those that the base has."""
    return {
        f"packages.{name.replace('_', '-')}": {"version": version, "installer": "pip"}
        for name, version in versions.items()
    }


ENVIRONMENTS: dict[str, tuple[str, Lines]] = {
    "GPU without a framework": ("desktop", no_frameworks()),
    "GPU without any environment": ("desktop", {"environments": []}),
    "CPU machine": ("no_gpu", {}),
    "CPU machine with torch+cpu": (
        "no_gpu",
        {
            "env.torch": {"version": "2.11.0+cpu"},
            "env.packages": [{"name": "torch", "version": "2.11.0+cpu", "installer": "pip"}],
        },
    ),
    "CPU machine with TensorFlow": (
        "no_gpu",
        {
            "env.tensorflow": {"version": "2.21.0", "is_cuda_build": True, "cuda_version": "12.5.1"},
            "env.packages": [{"name": "tensorflow", "version": "2.21.0", "installer": "pip"}],
        },
    ),
    "CPU machine with an old Matrox": (
        "no_gpu",
        {
            "driver.pci_devices": [
                {"address": "0000:03:00.0", "vendor_id": 0x102B, "device_id": 0x0538, "class_code": 0x030000}
            ]
        },
    ),
    "conda's torch": ("desktop", CONDA_TORCH),
    "conda-forge's TensorFlow": ("tensorflow", CONDA_TENSORFLOW),
    "JAX with its CUDA 12 plugin, not started": ("desktop", JAX),
    "CuPy": ("desktop", CUPY),
    "toolkit of another release than torch": ("desktop", {"toolkits.installed[0].version": "11.8.0"}),
    "no toolkit at all": ("desktop", {"toolkits.installed": [], "toolkits.cudnn": [], "toolkits.libraries": []}),
    "two toolkits": ("desktop", TWO_TOOLKITS),
    "LD_LIBRARY_PATH of a harmless folder": ("desktop", {"system.variables": {"LD_LIBRARY_PATH": "/opt/oracle/lib"}}),
    "LD_LIBRARY_PATH of a toolkit of another major": (
        "desktop",
        {
            "system.variables": {"LD_LIBRARY_PATH": "/usr/local/cuda-12.4/lib64:"},
            "toolkits.libraries": [
                {"soname": "libcublas.so.12", "path": "/usr/local/cuda-12.4/lib64/libcublas.so.12.4.5.8"}
            ],
        },
    ),
    "torch newer than the tables": (
        "desktop",
        driver("625.11.02", "13.6", flavour="open") | torch_build("2.19.0+cu136", "13.6", ("sm_80", "sm_86", "sm_90")),
    ),
    "torch of a night": (
        "desktop",
        driver("595.58.03", flavour="open")
        | torch_build("2.16.0.dev20261101+cu132", "13.2", ("sm_80", "sm_86", "sm_90", "sm_120")),
    ),
    "torch of an NVIDIA image": (
        "desktop",
        CONTAINER
        | torch_build(
            "2.9.0a0+145a3a7bda.nv25.10", "13.0", ("sm_80", "sm_86", "sm_90", "sm_100", "sm_120", "compute_120")
        )
        | {
            "env.kind": "system",
            "env.path": "/usr",
            "run.torch.mapped_libraries": [
                {
                    "soname": "libcudnn.so.9",
                    "path": "/usr/lib/x86_64-linux-gnu/libcudnn.so.9.14.0",
                    "version": "9.14.0",
                }
            ],
        },
    ),
    "torch from source": ("desktop", torch_build("2.9.0a0+git1a2b3c4", "12.4", ("sm_89",), cudnn="9.1.0")),
    "Python 3.9": ("desktop", torch_build("2.8.0+cu128", "12.8", python="3.9.21")),
    "free-threaded Python": (
        "desktop",
        torch_build("2.11.0+cu130", "13.0", python="3.14.0")
        | {
            "env.is_free_threaded": True,
            "packages.torch": {"version": "2.11.0+cu130", "wheel_tags": ["cp314-cp314t-manylinux_2_28_x86_64"]},
        },
    ),
    "pyenv": (
        "desktop",
        {"env.kind": "pyenv", "env.path": "/home/user/.pyenv/versions/3.11.7", "env.selected_by": "PATH"},
    ),
    "kernels of R and Julia": ("desktop", KERNELS_OF_OTHERS),
    "TensorFlow 2.15 with Keras 2.15": (
        "tensorflow",
        tensorflow_build(
            "2.15.1",
            "8.9.4.25",
            (
                {"name": "keras", "version": "2.15.0", "installer": "pip"},
                {"name": "numpy", "version": "1.26.4", "installer": "pip"},
                {"name": "protobuf", "version": "4.25.8", "installer": "pip"},
            ),
        )
        | {
            "packages.tensorflow": {
                "version": "2.15.1",
                "installer": "pip",
                "requires": ["keras<2.16,>=2.15.0", "numpy<2.0.0,>=1.23.5", "protobuf<5.0.0dev,>=3.20.3"],
            }
        },
    ),
    "tf-keras beside Keras 3": (
        "tensorflow",
        {"packages.tf-keras": {"version": "2.21.0", "installer": "pip", "requires": ["tensorflow<2.22,>=2.21"]}},
    ),
    "TensorFlow on a GTX 1080 with an older cuDNN": (
        "tensorflow",
        cards("NVIDIA GeForce GTX 1080", "6.1", 0x1B80, memory_gib=8)
        | driver("570.195.03")
        | tensorflow_build("2.19.1", "9.3.0.75", NUMPY_2[:0]),
    ),
    "NumPy 2 with torch 2.4": (
        "desktop",
        torch_build("2.4.1+cu124", "12.4") | {"packages.numpy": {"version": "2.1.3", "installer": "pip"}},
    ),
    "NumPy 1.26 with torch 2.11": ("desktop", pip(numpy="1.26.4")),
    "protobuf as TensorFlow asks": (
        "tensorflow",
        {
            "packages.tensorflow": {
                "version": "2.21.0",
                "installer": "pip",
                "requires": ["protobuf<8.0.0,>=6.31.1", "keras>=3.12.0", "h5py<3.15.0,>=3.11.0"],
            },
            "packages.protobuf": {"version": "7.34.0", "installer": "pip"},
            "packages.h5py": {"version": "3.14.0", "installer": "pip"},
        },
    ),
    "onnxruntime-gpu and OpenCV": (
        "desktop",
        pip(onnxruntime_gpu="1.23.2", opencv_python="4.12.0.88", opencv_contrib_python="4.12.0.88", pillow="12.0.0"),
    ),
    "torch and TensorFlow of one CUDA major": (
        "tensorflow",
        {"packages.torch": {"version": "2.8.0+cpu", "installer": "pip"}, "env.torch": ABSENT},
    ),
    "torchvision and torchaudio that belong": (
        "desktop",
        {
            "packages.torchvision": {"version": "0.26.0", "installer": "pip", "requires": ["torch==2.11.0", "numpy"]},
            "packages.torchaudio": {"version": "2.11.0", "installer": "pip"},
            "packages.xformers": {"version": "0.0.35", "installer": "pip", "requires": ["torch>=2.10"]},
        },
    ),
    "cuDNN of a later patch than torch pins": (
        "desktop",
        {"run.torch.runtime_cudnn": "9.15.2"},
    ),
    "WSL with CUDA's development files of the distribution": (
        "desktop",
        WSL
        | {
            "driver.packages": [
                {"name": "nvidia-cuda-toolkit", "version": "12.0.140", "manager": "dpkg"},
                {"name": "libnvidia-ml-dev", "version": "12.0.140", "manager": "dpkg"},
            ]
        },
    ),
    "hypervisor that keeps its GPU for a virtual machine": (
        "desktop",
        nothing_installed()
        | no_frameworks()
        | {"driver.pci_devices[0].driver": "vfio-pci", "driver.loaded_modules": ["vfio_pci"]},
    ),
}
