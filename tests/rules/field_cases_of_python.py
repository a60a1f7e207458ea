"""Broken machines of the field, by frameworks and packages: base, lines, root cause and what may stand beside."""

from __future__ import annotations

from tests.rules.bases import VENV
from tests.rules.broken_states import (
    container,
    tensorflow_blind,
    tensorflow_import_fails,
    torch_blind,
    torch_import_fails,
)
from tests.rules.healthy_environments import pip
from tests.rules.machine_lines import ABSENT, SITE, Lines, cards, cpu_torch, driver, no_frameworks, torch_build

OLD_CUDNN = (
    "RuntimeError: cuDNN version incompatibility: PyTorch was compiled against (8, 3, 2) but found runtime (8, 0, 3)"
)
CANNOT_OPEN = "Could not load dynamic library '{0}'; dlerror: {0}: cannot open shared object file: No such file"
NO_LIBRARIES = "Cannot dlopen some GPU libraries. Please make sure the missing libraries mentioned above are installed"
WINDOWS: Lines = {
    "system.os_name": "Windows",
    "system.architecture": "AMD64",
    "env.platform_tag": "win-amd64",
    "env.libc": ABSENT,
    "driver.pci_devices": [],
}


def old_tensorflow(version: str, cuda: str, cudnn: str, requires: tuple[str, ...] = ()) -> Lines:
    """Return an older TensorFlow's files and metadata, nothing else beside it."""
    return {
        "env.tensorflow": {
            "version": version,
            "is_cuda_build": True,
            "cuda_version": cuda,
            "cudnn_version": cudnn,
            "compute_capabilities": ["sm_35", "sm_50", "sm_60", "sm_70", "compute_80"],
        },
        "env.python_version": "3.8.10",
        "env.packages": [
            {"name": "tensorflow", "version": version, "installer": "pip", "requires": list(requires)},
            {"name": "numpy", "version": "1.21.5", "installer": "pip"},
        ],
        "run.tensorflow.version": version,
        "run.tensorflow.built_cuda": cuda,
        "run.tensorflow.built_cudnn": cudnn,
        "run.tensorflow.runtime_cudnn": cudnn,
        "run.tensorflow.arch_list": ["sm_35", "sm_50", "sm_60", "sm_70", "compute_80"],
        "toolkits.installed": [],
        "toolkits.libraries": [],
        "toolkits.cudnn": [],
    }


GTX_1080_TI = driver("460.91.03") | cards("NVIDIA GeForce GTX 1080 Ti", "6.1", 0x1B06, memory_gib=11)
NCCL = "ImportError: libtorch_cuda.so: undefined symbol: ncclCommRegister"
CUBLAS = "OSError: libcublas.so.11: undefined symbol: cublasLtGetStatusString, version libcublasLt.so.11"

CASES_OF_PYTHON: dict[str, tuple[str, Lines, str]] = {
    "a cluster's older cuDNN on LD_LIBRARY_PATH": (
        "desktop",
        driver("470.103.01")
        | cards("Tesla V100-SXM2-16GB", "7.0", 0x1DB1, memory_gib=16)
        | torch_build(
            "1.11.0+cu113",
            "11.3",
            cudnn="8.3.2",
            packages=({"name": "nvidia-cudnn-cu11", "version": "8.3.2.44", "installer": "pip"},),
        )
        | {
            "run.torch.runtime_cudnn": "8.0.3",
            "run.torch.mapped_libraries": [
                {"soname": "libcudnn.so.8", "path": "/public/cudnn/v8.0.3/lib/libcudnn.so.8.0.3", "version": "8.0.3"}
            ],
            "system.variables": {"LD_LIBRARY_PATH": "/public/cudnn/v8.0.3/lib"},
        },
        "CUD004",
    ),
    "an image's older cuDNN": (
        "desktop",
        driver("515.65.01")
        | cards("Tesla T4", "7.5", 0x1EB8, memory_gib=16)
        | torch_build("1.13.1+cu117", "11.7", cudnn="8.5.0")
        | container()
        | {
            "run.torch.runtime_cudnn": "8.4.1",
            "run.torch.mapped_libraries": [
                {"soname": "libcudnn.so.8", "path": "/usr/lib/x86_64-linux-gnu/libcudnn.so.8.4.1", "version": "8.4.1"}
            ],
        },
        "DNN002",
    ),
    "an extension of NumPy 1 under NumPy 2": (
        "desktop",
        torch_import_fails("ImportError: numpy.core.multiarray failed to import")
        | {
            "run.torch.stderr_tail": "A module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.1.2",
            "packages.numpy": {"version": "2.1.2", "installer": "pip"},
        },
        "PYT003",
    ),
    "NumPy exchanged under a running notebook": (
        "desktop",
        torch_import_fails(
            "ValueError: numpy.dtype size changed, may indicate binary incompatibility. Expected 96, got 88"
        )
        | pip(numpy="1.26.4"),
        "PYT003",
    ),
    "torchaudio for ROCm beside torch for CUDA": (
        "desktop",
        {"packages.torchaudio": {"version": "2.11.0+rocm7.2", "installer": "pip", "requires": ["torch==2.11.0"]}},
        "TOR004",
    ),
    "torchvision of a later torch": (
        "desktop",
        torch_build("2.4.0+cu121", "12.1")
        | {"packages.torchvision": {"version": "0.20.1+cu124", "installer": "pip", "requires": ["torch==2.5.1"]}},
        "TOR002",
    ),
    "xformers of a later torch": (
        "desktop",
        torch_build("2.3.1+cu121", "12.1")
        | {"packages.xformers": {"version": "0.0.27.post2", "installer": "pip", "requires": ["torch==2.4.0"]}},
        "TOR002",
    ),
    "an older NCCL than torch links": (
        "desktop",
        torch_import_fails(NCCL)
        | {
            "packages.nvidia-nccl-cu13": {"version": "2.18.1", "installer": "pip"},
            "packages.torch": {"version": "2.11.0", "installer": "pip", "requires": ["nvidia-nccl-cu13==2.28.9"]},
        },
        "TOR003",
    ),
    "cuSPARSE of CUDA 12 beside a torch of 11.7": (
        "desktop",
        torch_build(
            "2.0.1+cu117",
            "11.7",
            packages=({"name": "nvidia-cusparse-cu11", "version": "12.0.0.76", "installer": "pip"},),
        )
        | torch_import_fails(
            "ImportError: libtorch_cuda_cu.so: undefined symbol: cusparseSpSM_analysis, version libcusparse.so.11"
        )
        | {
            "packages.torch": {
                "version": "2.0.1",
                "installer": "pip",
                "requires": ["nvidia-cusparse-cu11==11.7.4.91; platform_system == 'Linux'"],
            }
        },
        "TOR003",
    ),
    "cuBLAS of a toolkit on LD_LIBRARY_PATH": (
        "desktop",
        torch_build(
            "1.13.1+cu117",
            "11.7",
            packages=({"name": "nvidia-cublas-cu11", "version": "11.10.3.66", "installer": "pip"},),
        )
        | torch_import_fails(CUBLAS)
        | {
            "system.variables": {"LD_LIBRARY_PATH": "/usr/local/cuda-11.3/lib64"},
            "toolkits.libraries": [
                {
                    "soname": "libcublasLt.so.11",
                    "path": "/usr/local/cuda-11.3/lib64/libcublasLt.so.11.5.1.109",
                    "origin": "LD_LIBRARY_PATH",
                }
            ],
        },
        "CUD004",
    ),
    "a dead package beside its successor": (
        "tensorflow",
        {"packages.tensorflow-gpu": {"version": "2.12.0", "installer": "pip"}, "env.tensorflow": ABSENT, "env.runs": []}
        | {"packages.tensorflow": ABSENT},
        "TFL003",
    ),
    "a processor without AVX": (
        "tensorflow",
        tensorflow_import_fails("", signal="SIGILL")
        | {"system.cpu_flags": ["sse4_1", "sse4_2", "ssse3"], "system.cpu_model": "Intel Celeron N4505"},
        "PYT006",
    ),
    "an old Triton on Windows": (
        "desktop",
        driver("581.80", "13.0")
        | WINDOWS
        | torch_build("2.6.0+cu124", "12.4", packages=({"name": "triton", "version": "3.1.0", "installer": "pip"},))
        | {"packages.torch": {"version": "2.6.0", "installer": "pip", "requires": ["triton==3.2.0"]}},
        "TOR005",
    ),
    "protobuf 4 under an old TensorFlow": (
        "tensorflow",
        GTX_1080_TI
        | old_tensorflow("2.7.1", "11.2", "8.1.0")
        | tensorflow_import_fails("TypeError: Descriptors cannot not be created directly.")
        | pip(protobuf="4.21.0"),
        "PYT004",
    ),
    "TensorFlow 2.14 on native Windows": (
        "tensorflow",
        driver("581.80", "13.0")
        | WINDOWS
        | tensorflow_blind()
        | {
            "env.tensorflow": {"version": "2.14.0", "is_cuda_build": False},
            "env.python_version": "3.10.10",
            "packages.tensorflow": {"version": "2.14.0", "installer": "pip"},
            "packages.keras": {"version": "2.14.0", "installer": "pip"},
            "packages.numpy": {"version": "1.26.4", "installer": "pip"},
        },
        "TFL002",
    ),
    "Fermi": (
        "desktop",
        driver("390.157", "9.1")
        | cards("GeForce GTX 670M", "2.1", 0x1213, memory_gib=3)
        | torch_build("1.7.1+cu92", "9.2", ("sm_37", "sm_50", "sm_60", "sm_70"))
        | torch_blind("no kernel image is available for execution on the device", 209),
        "CUD011",
    ),
    "a TensorFlow for Volta alone": (
        "tensorflow",
        GTX_1080_TI | old_tensorflow("2.6.0", "11.2", "8.1.0") | {"run.tensorflow.arch_list": ["sm_70"]},
        "CUD007 CUD010",
    ),
    "V100 with the newest wheel": (
        "desktop",
        driver("580.95.05")
        | cards("Tesla V100-SXM2-32GB", "7.0", 0x1DB5, memory_gib=32)
        | torch_build("2.11.0+cu130", "13.0", cudnn="9.15.1"),
        "CUD007",
    ),
    "a DLL that is not there": (
        "tensorflow",
        driver("516.94")
        | WINDOWS
        | old_tensorflow("2.9.1", "64_112", "64_8")
        | tensorflow_blind("Could not load dynamic library 'cudart64_110.dll'; dlerror: cudart64_110.dll not found"),
        "CUD005",
    ),
    "CUPTI of 11.7 on a machine with 12.0": (
        "desktop",
        torch_build("2.0.1+cu117", "11.7")
        | torch_import_fails("ImportError: libcupti.so.11.7: cannot open shared object file: No such file or directory")
        | {"toolkits.libraries": [{"soname": "libcupti.so.12", "path": "/usr/local/cuda-12.0/lib64/libcupti.so.12"}]},
        "CUD005",
    ),
    "libstdc++ of Enterprise Linux 7": (
        "desktop",
        torch_import_fails("ImportError: /lib64/libstdc++.so.6: version `GLIBCXX_3.4.20' not found (required by x.so)")
        | {"system.glibcxx_version": "3.4.19", "system.distribution_id": "ol", "system.distribution_version": "7.9"},
        "PYT005",
    ),
    "cuDNN 9 not there": (
        "desktop",
        torch_import_fails("ImportError: libcudnn.so.9: cannot open shared object file: No such file or directory")
        | {"packages.nvidia-cudnn-cu13": ABSENT, "toolkits.cudnn": []}
        | {"packages.torch": {"version": "2.11.0", "installer": "pip"}},
        "DNN001",
    ),
    "a kernel of the system's Python": (
        "desktop",
        {
            "kernelspecs[0].interpreter": "/usr/bin/python",
            "kernelspecs[0].argv": ["/usr/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "kernelspecs[0].has_ipykernel": False,
        },
        "JUP001",
    ),
    "a notebook's kernel of the base environment": (
        "desktop",
        {
            "environments[1].path": "/home/user/anaconda3",
            "environments[1].interpreter": "/home/user/anaconda3/bin/python",
            "environments[1].torch": ABSENT,
            "environments[1].packages": [{"name": "numpy", "version": "2.3.4"}],
            "environments[1].runs": [],
            "kernelspecs[0].environment": "/home/user/anaconda3",
            "kernelspecs[0].interpreter": "/home/user/anaconda3/bin/python",
            "kernelspecs[0].path": "/home/user/anaconda3/share/jupyter/kernels/python3/kernel.json",
        },
        "JUP002",
    ),
    "Keras 2.6 beside TensorFlow 2.5": (
        "tensorflow",
        GTX_1080_TI
        | old_tensorflow("2.5.1", "11.2", "8.1.0", ("keras-nightly~=2.5.0.dev",))
        | tensorflow_import_fails("ImportError: cannot import name 'LayerNormalization' from 'keras.layers'")
        | {"packages.keras": {"version": "2.6.0", "installer": "pip"}},
        "TFL005",
    ),
    "onnxruntime twice": (
        "desktop",
        pip(onnxruntime="1.16.1", onnxruntime_gpu="1.16.1"),
        "PYT007",
    ),
    "conda's CPU build on Windows": (
        "desktop",
        driver("512.78", "11.6")
        | cards("NVIDIA GeForce RTX 3060 Laptop GPU", "8.6", 0x2520, memory_gib=6)
        | WINDOWS
        | cpu_torch("1.12.1")
        | {
            "env.conda_packages": [{"name": "pytorch", "version": "1.12.1", "build": "cpu_py39h5e1f01c_0"}],
            "env.python_version": "3.9.13",
            "packages.torch": {"version": "1.12.1", "installer": "conda"},
        },
        "TOR001",
    ),
    "no libdevice for XLA": (
        "tensorflow",
        {
            "packages.nvidia-cuda-nvcc-cu12": ABSENT,
            "toolkits.installed": [],
            "run.tensorflow.stderr_tail": "Can't find libdevice directory ${CUDA_DIR}/nvvm/libdevice.",
        },
        "CUD010",
    ),
    "a DLL of torch that Windows does not find": (
        "desktop",
        driver("581.80", "13.0")
        | WINDOWS
        | torch_build("2.4.0+cu121", "12.1")
        | torch_import_fails('OSError: [WinError 126] Error loading "fbgemm.dll" or one of its dependencies.'),
        "PYT009",
    ),
    "MKL without the symbol of its profiler": (
        "desktop",
        torch_import_fails("ImportError: libtorch_cpu.so: undefined symbol: iJIT_NotifyEvent")
        | {"packages.mkl": {"version": "2024.1.0", "installer": "conda"}},
        "PYT004",
    ),
    "cuSOLVER 10 where 11 is": (
        "tensorflow",
        GTX_1080_TI
        | old_tensorflow("2.4.1", "11.0", "8")
        | tensorflow_blind(CANNOT_OPEN.format("libcusolver.so.10"))
        | {
            "toolkits.libraries": [
                {"soname": "libcusolver.so.11", "path": "/usr/local/cuda-11.2/lib64/libcusolver.so.11"},
                {"soname": "libcublas.so.11", "path": "/usr/local/cuda-11.2/lib64/libcublas.so.11"},
            ]
        },
        "TFL004",
    ),
    "TensorFlow without its CUDA packages": (
        "tensorflow",
        tensorflow_blind(NO_LIBRARIES)
        | {
            "packages.nvidia-cudnn-cu12": ABSENT,
            "packages.nvidia-cublas-cu12": ABSENT,
            "packages.nvidia-cuda-runtime-cu12": ABSENT,
            "toolkits.libraries": [],
            "toolkits.cudnn": [],
        },
        "TFL001",
    ),
    "conda's CPU build on an A10G": (
        "desktop",
        driver("515.65.01")
        | cards("NVIDIA A10G", "8.6", 0x2237)
        | cpu_torch("1.13.0")
        | {
            "env.conda_packages": [{"name": "pytorch", "version": "1.13.0", "build": "py3.9_cpu_0"}],
            "env.python_version": "3.9.0",
            "env.packages": [{"name": "torch", "version": "1.13.0", "installer": "conda"}],
        },
        "TOR001",
    ),
    "two CUDA majors in one environment": (
        "desktop",
        torch_import_fails("ImportError: libcudnn.so.9: undefined symbol: cudnnGetVersion")
        | {"packages.nvidia-cudnn-cu12": {"version": "9.10.2.21", "installer": "pip"}},
        "TOR003",
    ),
    "an interrupted pip": (
        "desktop",
        no_frameworks() | {"env.leftovers": [f"{SITE}/~orch"]},
        "PYT007",
    ),
    "a file called torch.py": (
        "desktop",
        torch_import_fails("AttributeError: partially initialized module 'torch' has no attribute 'cuda'")
        | {"env.shadowing_files": ["/home/user/project/torch.py"]},
        "PYT007",
    ),
    "musl": (
        "desktop",
        no_frameworks() | {"env.libc": "musl 1.2.5", "system.glibc_version": ABSENT},
        "PYT008",
    ),
    "a wheel of another Python": (
        "desktop",
        torch_import_fails("ImportError: torch/_C.cpython-311-x86_64-linux-gnu.so: undefined symbol")
        | {
            "env.python_version": "3.13.1",
            "packages.torch": {"version": "2.11.0", "wheel_tags": ["cp311-cp311-manylinux_2_28_x86_64"]},
        },
        "PYT001",
    ),
    "PYTHONPATH of another Python": (
        "desktop",
        torch_import_fails("ImportError: No module named 'torch._C'")
        | {"packages.torch": {"version": "2.11.0", "location": "/opt/lib/python3.9/site-packages"}},
        "PYT002",
    ),
    "two OpenMP libraries": (
        "desktop",
        torch_import_fails("", signal="SIGABRT")
        | {
            "run.torch.stderr_tail": "OMP: Error #15: Initializing libiomp5.so, but found libomp.so initialized.",
            "env.openmp_libraries": [f"{SITE}/torch/lib/libiomp5.so", f"{VENV}/lib/libomp.so"],
        },
        "PYT010",
    ),
    "cuDNN 9.11 on a GTX 1080": (
        "tensorflow",
        driver("570.195.03") | cards("NVIDIA GeForce GTX 1080", "6.1", 0x1B80, memory_gib=8),
        "DNN003",
    ),
    "a convolution that is wrong": (
        "desktop",
        {
            "run.torch.kernel_runs": [
                {"device": 0, "operation": "convolution", "is_correct": False, "max_difference": 3}
            ]
        },
        "RUN006",
    ),
    "torch that crashes": (
        "desktop",
        torch_import_fails("", signal="SIGSEGV"),
        "PYT011",
    ),
    "torch that sees nothing and says nothing": (
        "desktop",
        torch_blind(),
        "PRF001",
    ),
}
