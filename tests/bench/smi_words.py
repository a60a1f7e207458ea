"""What nvidia-smi prints on a machine: the table of its driver's generation, or the words of NVML's error."""

from __future__ import annotations

from tests.bench.machine_file import Table, repeated

_KMD_FROM = 610  # the first branch whose banner says KMD and UMD
_FAILED = (
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. "
    "Make sure that the latest NVIDIA driver is installed and running.\n"
)
_RULE = "+-----------------------------------------------------------------------------------------+\n"
_MISMATCH = 18
_ERRORS = {
    4: "Failed to initialize NVML: Insufficient Permissions\n",
    9: _FAILED,
    _MISMATCH: "Failed to initialize NVML: Driver/library version mismatch\n",
    999: "Failed to initialize NVML: Unknown Error\n",
}


def smi_words(nvml: Table, driver_version: str) -> tuple[str, int]:
    """Return standard output and exit code for the answers that NVML is told to give."""
    code = nvml.get("error", {}).get("nvmlInit", 0)
    version = nvml.get("driver", driver_version)
    if code:
        library = f"NVML library version: {_short(driver_version)}\n" if code == _MISMATCH else ""
        return _ERRORS[code] + library, code
    gpus = repeated(nvml.get("gpus", []))
    if not gpus:
        return "No devices were found\n", 6
    return _table(version, nvml.get("cuda", 13000), gpus), 0


def _short(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _table(version: str, cuda: int, gpus: list[Table]) -> str:
    number = f"{cuda // 1000}.{cuda % 1000 // 10}"
    if int(version.partition(".")[0]) >= _KMD_FROM:
        fields = f"KMD Version: {version:<14}CUDA UMD Version: {number}"
    else:
        fields = f"Driver Version: {version:<15}CUDA Version: {number}"
    rows = "".join(
        f"|   {index}  {gpu['name'][:30]:<30} Off |   00000000:{index + 1:02X}:00.0 Off |                  N/A |\n"
        for index, gpu in enumerate(gpus)
    )
    return f"Fri Nov 20 10:00:00 2026       \n{_RULE}| NVIDIA-SMI {version:<23}{fields:<53} |\n{_RULE}{rows}{_RULE}"
