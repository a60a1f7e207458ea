"""CUDA toolkits and cuDNN copies on the machine, outside Python environments."""

from __future__ import annotations

from gpudoctor.facts.fact import Fact, Record, fact


class Toolkit(Record, frozen=True, kw_only=True):
    """One CUDA toolkit."""

    path: str
    origin: str  # folder, CUDA_HOME, PATH; in an environment conda, pip
    version: str = ""  # 12.4 or 12.4.131, as found
    nvcc_path: str = ""  # "" = no nvcc in it
    has_ptxas: bool = False
    has_libdevice: bool = False
    gcc_max_major: int | None = None  # newest gcc that nvcc takes, by its crt/host_config.h; None: not said
    is_default: bool = False  # the one that nvcc on PATH or CUDA_HOME leads to

    def in_words(self) -> str:
        return f"CUDA {self.version or 'of unknown release'} in {self.path}"


class CudnnCopy(Record, frozen=True, kw_only=True):
    """One system-wide cuDNN."""

    path: str
    version: str = ""  # 8.9.7, 9.10.2
    origin: str = ""  # header, library name, package

    def in_words(self) -> str:
        return f"cuDNN {self.version or 'of unknown release'} in {self.path}"


class SystemLibrary(Record, frozen=True, kw_only=True):
    """A CUDA library outside environments that the loader can find (libcublas, libcusparse, libnvrtc, ...)."""

    soname: str
    path: str
    origin: str = ""  # LD_LIBRARY_PATH, loader cache

    def in_words(self) -> str:
        return f"{self.path}{f' ({self.origin})' if self.origin else ''}"


class Toolkits(Record, frozen=True, kw_only=True):
    """All of them; a toolkit is not needed to run wheels, only to build extensions."""

    installed: Fact[tuple[Toolkit, ...]] = fact()
    cudnn: Fact[tuple[CudnnCopy, ...]] = fact()
    libraries: Fact[tuple[SystemLibrary, ...]] = fact()
