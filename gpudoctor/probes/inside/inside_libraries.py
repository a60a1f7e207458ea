"""Lists the GPU libraries that this process has mapped, with the versions that they give themselves. Python 3.7."""

import ctypes
import os
import re
import sys

_NAMES = (
    "cuda|cudart|cudnn\\w*|cublas|cublasLt|cufft|cufftw|curand|cusolver|cusolverMg|cusparse|cusparseLt|cudss|cufile|cupti"
    "|cutensor|nccl|nvrtc|nvrtc-builtins|nvJitLink|nvToolsExt|nvshmem_host|nvidia-ml|nvidia-ptxjitcompiler|nvinfer"
    "|amdhip64|hipblas|rocblas|rccl|MIOpen|hsa-runtime64|ze_loader|sycl"
)
# lib + name, then what builds append: "-a1b2c3d4" (bundled copies), ".so.12.4.127" or "64_12.dll"
_LIBRARY = re.compile(r"^(lib)?(%s)(-[0-9a-f]{8})?\.so(\.[\d.]+)?$" % _NAMES)
_DRIVER = ("libcuda", "libnvidia-ml", "libnvidia-ptxjitcompiler")


def mapped_libraries():
    """Return [{"soname", "path", "version"}] by name; [] where the system has no /proc/self/maps."""
    found = []
    for path in _mapped_paths():
        match = _LIBRARY.match(os.path.basename(path))
        if match:
            found.append({"soname": _soname(path), "path": path, "version": _own_version(path) or _named_version(path)})
    return sorted(found, key=lambda library: (library["soname"], library["path"]))


def _mapped_paths():
    if not sys.platform.startswith("linux"):
        return []
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        fields = (line.rstrip("\n").split(None, 5) for line in maps)
        return {field[5] for field in fields if len(field) == 6 and field[5].startswith("/") and ".so" in field[5]}


def _soname(path):
    """Return "libcudart.so.12" for ".../libcudart.so.12.4.127"; the driver's libraries are all ".so.1"."""
    stem, _, digits = os.path.basename(path).partition(".so")
    stem = re.sub(r"-[0-9a-f]{8}$", "", stem)
    if stem in _DRIVER:
        return stem + ".so.1"
    pieces = [piece for piece in digits.split(".") if piece]
    keep = (
        2 if stem == "libcudart" and pieces[:1] and int(pieces[0]) < 11 else 1
    )  # libcudart.so.10.2, libcudart.so.11.0
    return ".".join([stem + ".so"] + pieces[:keep])


def _named_version(path):
    digits = os.path.realpath(path).partition(".so.")[2]
    return digits if "." in digits and digits.replace(".", "").isdigit() else ""


def _own_version(path):
    """Ask the library itself, never loading anything that is not loaded already."""
    ask = _ASK.get(re.sub(r"(-[0-9a-f]{8})?\.so.*$", "", os.path.basename(path)))
    if ask is None:
        return ""
    try:
        library = ctypes.CDLL(path, mode=os.RTLD_NOLOAD | os.RTLD_LAZY)
        return ask(library)
    except (OSError, AttributeError, ValueError):
        return ""


def _by_pointer(function, decode):
    def ask(library):
        number = ctypes.c_int(0)
        return decode(number.value) if getattr(library, function)(ctypes.byref(number)) == 0 and number.value else ""

    return ask


def _by_result(function, decode):
    def ask(library):
        call = getattr(library, function)
        call.restype = ctypes.c_size_t
        number = call()
        return decode(number) if number else ""

    return ask


def _cudart(number):  # 12040 = 12.4
    return "%d.%d" % (number // 1000, number % 1000 // 10)


def cudnn_version(number):
    """Return 9.1.2 for 90102 and 8.9.7 for 8907: cuDNN 9 widened the fields."""
    if number >= 90000:
        return "%d.%d.%d" % (number // 10000, number % 10000 // 100, number % 100)
    return "%d.%d.%d" % (number // 1000, number % 1000 // 100, number % 100)


def _nccl(number):  # 2708 = 2.7.8 up to 2.8, 22803 = 2.28.3 since
    if number < 10000:
        return "%d.%d.%d" % (number // 1000, number % 1000 // 100, number % 100)
    return "%d.%d.%d" % (number // 10000, number % 10000 // 100, number % 100)


def _cublas(number):  # 120905 = 12.9.5; 11 and older count in thousands
    if number >= 100000:
        return "%d.%d.%d" % (number // 10000, number % 10000 // 100, number % 100)
    return "%d.%d.%d" % (number // 1000, number % 1000 // 100, number % 100)


_ASK = {
    "libcudart": _by_pointer("cudaRuntimeGetVersion", _cudart),
    "libcudnn": _by_result("cudnnGetVersion", cudnn_version),
    "libnccl": _by_pointer("ncclGetVersion", _nccl),
    "libcublasLt": _by_result("cublasLtGetVersion", _cublas),
}
