"""What the loader finds in a tree: driver libraries, CUDA libraries, toolkits, cuDNN, WSL."""

from __future__ import annotations

from pathlib import Path

from gpudoctor.facts.driver import DriverLibrary
from gpudoctor.facts.toolkit import CudnnCopy
from gpudoctor.probes.driver_libraries import probe_driver_libraries
from gpudoctor.probes.host import Host
from gpudoctor.probes.loader import look_at_loader
from gpudoctor.probes.toolkits import probe_toolkits
from gpudoctor.probes.wsl import probe_wsl
from tests.probes.trees import add_command, host_of

FOLDER = "usr/lib/x86_64-linux-gnu"
DRIVER = {f"{FOLDER}/libcuda.so.580.95.05": "", f"{FOLDER}/libnvidia-ml.so.580.95.05": ""}
LINKS = {
    f"{FOLDER}/libcuda.so.1": "libcuda.so.580.95.05",
    f"{FOLDER}/libcuda.so": "libcuda.so.1",
    f"{FOLDER}/libnvidia-ml.so.1": "libnvidia-ml.so.580.95.05",
}
TOOLKIT = "usr/local/cuda-12.4"


def _libraries(host: Host) -> tuple[DriverLibrary, ...]:
    return probe_driver_libraries(host, look_at_loader(host)).libraries.need()


def _shown(host: Host) -> list[tuple[str, str, str]]:
    return [(library.soname, library.path, library.origin) for library in _libraries(host)]


def test_an_ordinary_driver_is_listed_once(tmp_path: Path) -> None:
    host = host_of(tmp_path, DRIVER, {**LINKS, "lib": "usr/lib"})
    assert _shown(host) == [
        ("libcuda.so.1", "/lib/x86_64-linux-gnu/libcuda.so.580.95.05", "default folder"),
        ("libnvidia-ml.so.1", "/lib/x86_64-linux-gnu/libnvidia-ml.so.580.95.05", "default folder"),
    ]
    assert {library.version for library in _libraries(host)} == {"580.95.05"}


def test_the_order_of_the_loader(tmp_path: Path) -> None:
    files = {
        "opt/old/libcuda.so.1": "",
        "opt/configured/libcuda.so.1": "",
        "etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n",
        "etc/ld.so.conf.d/a.conf": "/opt/configured\n",
    }
    host = host_of(tmp_path, {**DRIVER, **files}, LINKS, LD_LIBRARY_PATH="/opt/old::relative:/opt/old")
    assert [origin for soname, _, origin in _shown(host) if soname == "libcuda.so.1"] == [
        *("LD_LIBRARY_PATH", "loader cache", "default folder"),
    ]


def test_a_library_path_written_with_the_root(tmp_path: Path) -> None:
    host = host_of(tmp_path, {"opt/old/libcuda.so.1": ""}, LD_LIBRARY_PATH=f"{tmp_path}/opt/old")
    assert _shown(host) == [("libcuda.so.1", "/opt/old/libcuda.so.1", "LD_LIBRARY_PATH")]


def test_stubs_compat_and_conda_are_told_by_their_folders(tmp_path: Path) -> None:
    files = {
        f"{TOOLKIT}/lib64/stubs/libcuda.so": "",
        f"{TOOLKIT}/compat/libcuda.so.550.54.15": "",
        "opt/conda/conda-meta/history": "",
        "opt/conda/lib/libcuda.so.1": "",
    }
    links = {f"{TOOLKIT}/compat/libcuda.so.1": "libcuda.so.550.54.15"}
    library_path = f"/{TOOLKIT}/lib64/stubs:/{TOOLKIT}/compat:/opt/conda/lib"
    host = host_of(tmp_path, {**DRIVER, **files}, {**LINKS, **links}, LD_LIBRARY_PATH=library_path)
    stub, compat, conda = _libraries(host)[:3]
    assert (stub.soname, stub.is_stub, stub.origin) == ("libcuda.so", True, "LD_LIBRARY_PATH")
    assert (compat.version, compat.origin, compat.is_stub) == ("550.54.15", "compat", False)
    assert (conda.path, conda.origin) == ("/opt/conda/lib/libcuda.so.1", "conda")
    without = Host(root=tmp_path, variables={"PATH": ""})
    assert [library.origin for library in _libraries(without)] == ["default folder", "default folder", "compat", "stub"]


def test_leftovers_come_last_and_keep_their_own_name(tmp_path: Path) -> None:
    host = host_of(tmp_path, {**DRIVER, f"{FOLDER}/libcuda.so.535.183.01": ""}, LINKS)
    assert [library.soname for library in _libraries(host)] == [
        *("libcuda.so.1", "libnvidia-ml.so.1", "libcuda.so.535.183.01"),
    ]


def test_32_bit_copies_are_left_out(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "usr/lib/libcuda.so.1": b"\x7fELF\x01\x01\x01",
        "usr/lib64/libcuda.so.1": b"\x7fELF\x02\x01\x01",
    }
    assert [path for _, path, _ in _shown(host_of(tmp_path, files))] == ["/usr/lib64/libcuda.so.1"]


def test_absolute_links_stay_inside_the_root(tmp_path: Path) -> None:
    host = host_of(tmp_path, {"opt/driver/libcuda.so.1": ""}, {"usr/lib64": "/opt/driver"})
    assert [path for _, path, _ in _shown(host)] == ["/usr/lib64/libcuda.so.1"]


def test_link_loops_end(tmp_path: Path) -> None:
    assert _shown(host_of(tmp_path, {"usr/": ""}, {"usr/lib64": "lib32", "usr/lib32": "lib64"})) == []


def test_toolkits_in_folders(tmp_path: Path) -> None:
    files = {
        f"{TOOLKIT}/version.json": '{"cuda": {"name": "CUDA SDK", "version": "12.4.1"}}',
        f"{TOOLKIT}/bin/nvcc": "",
        f"{TOOLKIT}/bin/ptxas": "",
        f"{TOOLKIT}/nvvm/libdevice/libdevice.10.bc": "",
        "usr/local/cuda-10.1/version.txt": "CUDA Version 10.1.243\n",
        "usr/local/cuda-10.1/lib64/libcudart.so.10.1": "",
        "usr/local/cudann/readme": "",
    }
    host = host_of(tmp_path, files, {"usr/local/cuda": "/usr/local/cuda-12.4"})
    new, old = sorted(
        probe_toolkits(host, look_at_loader(host)).installed.need(), key=lambda one: one.version, reverse=True
    )
    assert (new.path, new.version, new.nvcc_path) == ("/usr/local/cuda-12.4", "12.4.1", "/usr/local/cuda-12.4/bin/nvcc")
    assert (new.has_ptxas, new.has_libdevice, new.is_default, new.origin) == (True, True, True, "folder")
    assert (old.version, old.nvcc_path, old.has_ptxas, old.is_default) == ("10.1.243", "", False, False)


def test_cuda_home_is_the_default(tmp_path: Path) -> None:
    files = {"opt/mine/include/cuda.h": "#define CUDA_VERSION 11080\n", "usr/local/cuda/bin/nvcc": ""}
    host = host_of(tmp_path, files, CUDA_HOME="/opt/mine")
    toolkits = {toolkit.path: toolkit for toolkit in probe_toolkits(host, look_at_loader(host)).installed.need()}
    assert (toolkits["/opt/mine"].version, toolkits["/opt/mine"].origin) == ("11.8", "CUDA_HOME")
    assert [path for path, toolkit in toolkits.items() if toolkit.is_default] == ["/opt/mine"]


def test_nvcc_on_the_path_behind_a_script(tmp_path: Path) -> None:
    host = host_of(tmp_path, {"usr/": ""})
    home = tmp_path / "elsewhere"
    real = Host(variables={"PATH": str(home / "bin")})
    add_command(real, "nvcc", "echo 'Cuda compilation tools, release 11.8, V11.8.89'")
    add_command(host, "nvcc", f'exec {home}/bin/nvcc "$@"')
    (toolkit,) = probe_toolkits(host, look_at_loader(host)).installed.need()
    assert (toolkit.path, toolkit.version, toolkit.origin, toolkit.is_default) == (str(home), "11.8.89", "PATH", True)
    assert toolkit.nvcc_path == str(tmp_path / "commands/nvcc")


def test_cudnn_copies_and_cuda_libraries(tmp_path: Path) -> None:
    header = "#define CUDNN_MAJOR 9\n#define CUDNN_MINOR 1\n#define CUDNN_PATCHLEVEL 0\n"
    files = {
        "usr/include/cudnn_version.h": header,
        f"{FOLDER}/libcudnn.so.8.9.7": "",
        "opt/cuda-libraries/libcublas.so.12": "",
        "opt/cuda-libraries/libcublas.so.12.4.5.8": "",
    }
    links = {f"{FOLDER}/libcudnn.so.8": "libcudnn.so.8.9.7"}
    host = host_of(tmp_path, files, links, LD_LIBRARY_PATH="/opt/cuda-libraries")
    toolkits = probe_toolkits(host, look_at_loader(host))
    assert toolkits.cudnn.need() == (
        CudnnCopy(path="/usr/include/cudnn_version.h", version="9.1.0", origin="header"),
        CudnnCopy(path=f"/{FOLDER}/libcudnn.so.8", version="8.9.7", origin="library name"),
    )
    assert [(library.soname, library.origin) for library in toolkits.libraries.need()] == [
        ("libcublas.so.12", "LD_LIBRARY_PATH"),
        ("libcudnn.so.8", "default folder"),
    ]


def test_wsl(tmp_path: Path) -> None:
    release = {"proc/sys/kernel/osrelease": "5.15.153.1-microsoft-standard-WSL2\n", "usr/lib/wsl/lib/libcuda.so.1": ""}
    bare = host_of(tmp_path / "a", release)
    wsl = probe_wsl(bare, look_at_loader(bare)).wsl.need()
    assert (wsl.version, wsl.has_dxg, wsl.libraries, wsl.on_loader_path) == (2, False, ("libcuda.so.1",), False)
    assert _shown(bare) == [("libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1", "wsl")]
    configuration = {
        "etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n",
        "etc/ld.so.conf.d/ld.wsl.conf": "# generated\n/usr/lib/wsl/lib\n",
        "dev/dxg": "",
    }
    whole = host_of(tmp_path / "b", {**release, **configuration})
    wsl = probe_wsl(whole, look_at_loader(whole)).wsl.need()
    assert (wsl.has_dxg, wsl.on_loader_path) == (True, True)


def test_other_kernels_are_no_wsl(tmp_path: Path) -> None:
    host = host_of(tmp_path, {"proc/sys/kernel/osrelease": "6.8.0-45-generic\n"})
    assert probe_wsl(host, look_at_loader(host)).wsl.is_absent
    silent = host_of(tmp_path / "silent", {"etc/": ""})
    assert probe_wsl(silent, look_at_loader(silent)).wsl.is_unknown
