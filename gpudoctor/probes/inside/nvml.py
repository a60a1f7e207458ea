"""Ask NVML everything, one line of JSON an answer; run as `PYTHON -I -S nvml.py FOLDER_OF_PYNVML MARKER`.

It runs in a process of its own: the library may hang, crash or print. Before each call a line names it, so that the
parent can say where a crash or hang happened. Answers are raw; the parent decides what is plausible.
Lines are `MARKER {"gpu": 0, "key": "name", "call": "DeviceGetName(0)", "value": "..."}`, with "error" and "code"
instead of "value" where the call failed. Standard library and pynvml only; syntax of Python 3.7.
"""

import ctypes
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from inside_answers import Failed, Speaker, mapped_file  # noqa: E402

sys.path.pop(0)  # nothing else of this folder is anybody's module

LIBRARY = "libnvidia-ml.so.1"
MOST_GPUS = 256
MOST_LINKS = 36
MOST_MIG_DEVICES = 16
OLDER_DRIVER = (2, 13, 25, 26)  # invalid argument, function not found, other structure version, deprecated


class Nvml:
    """pynvml with every failure turned into Failed."""

    def __init__(self, pynvml):
        self.pynvml = pynvml
        self.names = {}
        for name in dir(pynvml):
            if name.startswith("NVML_ERROR_"):
                self.names[getattr(pynvml, name)] = name[len("NVML_ERROR_") :]

    def error_name(self, code):
        return self.names.get(code, "code %s" % code)

    def call(self, function, *arguments):
        try:
            answer = getattr(self.pynvml, "nvml" + function)(*arguments)
            return answer.decode("utf-8") if isinstance(answer, bytes) else answer
        except self.pynvml.NVMLError as error:
            code = getattr(error, "value", None)
            raise Failed(self.error_name(code), code)
        except UnicodeDecodeError as error:
            raise Failed("NOT_TEXT %r" % (error.object[:40],))
        except AttributeError:
            raise Failed("FUNCTION_NOT_FOUND in this pynvml", 13)
        except Failed:
            raise
        except Exception as error:
            # NVMLLibraryMismatchError is no NVMLError: the library lacks a function that pynvml takes for granted
            if type(error).__name__ == "NVMLLibraryMismatchError":
                raise Failed("FUNCTION_NOT_FOUND", 13)
            raise Failed("%s: %s" % (type(error).__name__, str(error)[:200]))

    def first_of(self, *calls):
        """Return the first call's answer that this driver knows; each call is (function, arguments...)."""
        for call in calls:
            try:
                return self.call(*call)
            except Failed as failure:
                last = failure
                if failure.code not in OLDER_DRIVER:
                    raise
        raise last


def load_library():
    """Load the library as pynvml will, and return the loader's complaint, None when it is loaded."""
    if sys.platform[:3] == "win":
        candidates = [
            os.path.join(os.environ.get("WINDIR", "C:/Windows"), "System32/nvml.dll"),
            os.path.join(os.environ.get("ProgramFiles", "C:/Program Files"), "NVIDIA Corporation/NVSMI/nvml.dll"),
        ]
    else:
        candidates = [LIBRARY]
    complaint = None
    for candidate in candidates:
        try:
            ctypes.CDLL(candidate)
            return candidate, None
        except OSError as error:
            complaint = complaint or str(error)
    return candidates[0], complaint


def pci(nvml, handle):
    info = nvml.call("DeviceGetPciInfo_v3", handle)
    return {"domain": info.domain, "bus": info.bus, "device": info.device, "id": info.pciDeviceId}


def memory(nvml, handle):
    version = getattr(nvml.pynvml, "nvmlMemory_v2", None)
    try:
        if version is None:
            raise Failed("FUNCTION_NOT_FOUND", 13)
        info = nvml.call("DeviceGetMemoryInfo", handle, version)
        return {"total": info.total, "used": info.used, "reserved": info.reserved}
    except Failed as failure:
        if failure.code not in OLDER_DRIVER:
            raise
    info = nvml.call("DeviceGetMemoryInfo", handle)
    return {"total": info.total, "used": info.used, "reserved": None}


def temperature(nvml, handle):
    return nvml.first_of(("DeviceGetTemperature", handle, 0), ("DeviceGetTemperatureV", handle, 0))


def clock_reasons(nvml, handle):
    return nvml.first_of(
        ("DeviceGetCurrentClocksEventReasons", handle), ("DeviceGetCurrentClocksThrottleReasons", handle)
    )


def utilization(nvml, handle):
    return nvml.call("DeviceGetUtilizationRates", handle).gpu


def retired_pages(nvml, handle):
    return len(nvml.call("DeviceGetRetiredPages", handle, 1))  # 1: pages with a double-bit error


def links(nvml, handle):
    """Return [index, is active, kind of the other end] of each link; [] where the card has none."""
    found = []
    for link in range(MOST_LINKS):
        try:
            is_active = nvml.call("DeviceGetNvLinkState", handle, link)
        except Failed as failure:
            if failure.code == 3 and found:
                continue  # not supported: this link, the next ones may be
            if failure.code in (2, 3) or (found and failure.code is not None and failure.code != 15):
                break
            raise
        remote = None
        if is_active == 1:
            try:
                remote = nvml.call("DeviceGetNvLinkRemoteDeviceType", handle, link)
            except Failed:
                pass
        found.append([link, is_active, remote])
    return found


class FabricInfo(ctypes.Structure):
    """nvmlGpuFabricInfo_t of drivers up to 550. Ours, because pynvml before 13 has the wrong length for the UUID."""

    _fields_ = [
        ("cluster_uuid", ctypes.c_ubyte * 16),
        ("status", ctypes.c_uint),
        ("clique", ctypes.c_uint),
        ("state", ctypes.c_ubyte),
    ]


class FabricInfoVersioned(ctypes.Structure):
    """nvmlGpuFabricInfo_v2_t, which newer drivers keep on answering."""

    _fields_ = [("version", ctypes.c_uint)] + FabricInfo._fields_ + [("health", ctypes.c_uint)]


def fabric(nvml, handle):
    """Return state and status of the registration with the NVLink fabric."""
    info = FabricInfoVersioned(version=ctypes.sizeof(FabricInfoVersioned) | 2 << 24)
    try:
        nvml.call("DeviceGetGpuFabricInfoV", handle, ctypes.byref(info))
    except Failed as failure:
        if failure.code not in OLDER_DRIVER:
            raise
        info = FabricInfo()
        nvml.call("DeviceGetGpuFabricInfo", handle, ctypes.byref(info))
    return {"state": info.state, "status": info.status, "status_name": status_name(nvml, info.status)}


def status_name(nvml, code):
    return "SUCCESS" if code == 0 else nvml.error_name(code)


def processes(nvml, handle):
    found = []
    for kind, name in (("compute", "Compute"), ("graphics", "Graphics")):
        function = "DeviceGet%sRunningProcesses" % name
        try:
            listed = nvml.first_of((function + "_v3", handle), (function + "_v2", handle))
        except Failed as failure:
            if failure.code == 3 and kind == "graphics":
                continue
            raise
        for process in listed:
            found.append([process.pid, kind, process.usedGpuMemory])
    return found


def mig_instances(nvml, handle):
    found = []
    count = nvml.call("DeviceGetMaxMigDeviceCount", handle)
    for position in range(min(count, MOST_MIG_DEVICES)):
        try:
            instance = nvml.call("DeviceGetMigDeviceHandleByIndex", handle, position)
        except Failed as failure:
            if failure.code in (2, 6):  # no instance at this place
                continue
            raise
        found.append(
            {
                "uuid": nvml.call("DeviceGetUUID", instance),
                "name": or_none(nvml.call, "DeviceGetName", instance),
                "memory": or_none(memory, nvml, instance),
            }
        )
    return found


def or_none(function, *arguments):
    try:
        return function(*arguments)
    except Failed:
        return None


def plain(function, *arguments):
    return lambda nvml, handle: nvml.call(function, handle, *arguments)


# key, the NVML function that evidence names, how to ask
QUESTIONS = [
    ("name", "DeviceGetName", plain("DeviceGetName")),
    ("uuid", "DeviceGetUUID", plain("DeviceGetUUID")),
    ("pci", "DeviceGetPciInfo", pci),
    ("compute_capability", "DeviceGetCudaComputeCapability", plain("DeviceGetCudaComputeCapability")),
    ("memory", "DeviceGetMemoryInfo", memory),
    ("serial", "DeviceGetSerial", plain("DeviceGetSerial")),
    ("temperature", "DeviceGetTemperature", temperature),
    ("slowdown_temperature", "DeviceGetTemperatureThreshold", plain("DeviceGetTemperatureThreshold", 1)),
    ("power", "DeviceGetPowerUsage", plain("DeviceGetPowerUsage")),
    ("power_limit", "DeviceGetEnforcedPowerLimit", plain("DeviceGetEnforcedPowerLimit")),
    ("power_limit_default", "DeviceGetPowerManagementDefaultLimit", plain("DeviceGetPowerManagementDefaultLimit")),
    ("sm_clock", "DeviceGetClockInfo", plain("DeviceGetClockInfo", 1)),
    ("sm_clock_max", "DeviceGetMaxClockInfo", plain("DeviceGetMaxClockInfo", 1)),
    ("memory_clock", "DeviceGetClockInfo", plain("DeviceGetClockInfo", 2)),
    ("clock_event_reasons", "DeviceGetCurrentClocksEventReasons", clock_reasons),
    ("utilization", "DeviceGetUtilizationRates", utilization),
    ("pcie_generation", "DeviceGetCurrPcieLinkGeneration", plain("DeviceGetCurrPcieLinkGeneration")),
    ("pcie_generation_max", "DeviceGetMaxPcieLinkGeneration", plain("DeviceGetMaxPcieLinkGeneration")),
    ("pcie_width", "DeviceGetCurrPcieLinkWidth", plain("DeviceGetCurrPcieLinkWidth")),
    ("pcie_width_max", "DeviceGetMaxPcieLinkWidth", plain("DeviceGetMaxPcieLinkWidth")),
    ("ecc_mode", "DeviceGetEccMode", plain("DeviceGetEccMode")),
    ("ecc_uncorrected_volatile", "DeviceGetTotalEccErrors", plain("DeviceGetTotalEccErrors", 1, 0)),
    ("ecc_uncorrected_aggregate", "DeviceGetTotalEccErrors", plain("DeviceGetTotalEccErrors", 1, 1)),
    ("retired_pages", "DeviceGetRetiredPages", retired_pages),
    ("retired_pages_pending", "DeviceGetRetiredPagesPendingStatus", plain("DeviceGetRetiredPagesPendingStatus")),
    ("row_remap", "DeviceGetRemappedRows", plain("DeviceGetRemappedRows")),
    ("persistence_mode", "DeviceGetPersistenceMode", plain("DeviceGetPersistenceMode")),
    ("compute_mode", "DeviceGetComputeMode", plain("DeviceGetComputeMode")),
    ("mig_mode", "DeviceGetMigMode", plain("DeviceGetMigMode")),
    ("mig_instances", "DeviceGetMigDeviceHandleByIndex", mig_instances),
    ("nvlinks", "DeviceGetNvLinkState", links),
    ("fabric", "DeviceGetGpuFabricInfo", fabric),
    ("processes", "DeviceGetComputeRunningProcesses", processes),
]
if sys.platform[:3] == "win":
    QUESTIONS.append(("driver_model", "DeviceGetDriverModel", plain("DeviceGetDriverModel")))


def ask(speaker, gpu, key, call, question):
    """Announce a question, ask it, say the answer; return the value, None when there is none."""
    speaker.say(gpu=gpu, asking=call)
    try:
        value = question()
    except Failed as failure:
        speaker.say(gpu=gpu, key=key, call=call, error=failure.error, code=failure.code)
        return None
    speaker.say(gpu=gpu, key=key, call=call, value=True if key == "handle" else value)
    return value


def ask_gpu(speaker, nvml, index):
    handle = ask(
        speaker,
        index,
        "handle",
        "DeviceGetHandleByIndex(%d)" % index,
        lambda: nvml.call("DeviceGetHandleByIndex", index),
    )
    if handle is None:
        return
    for key, function, question in QUESTIONS:
        ask(speaker, index, key, "%s(%d)" % (function, index), lambda: question(nvml, handle))


def main():
    folder, marker = sys.argv[1:3]
    speaker = Speaker(marker)
    speaker.say(gpu=None, asking="library load")
    name, complaint = load_library()
    if complaint is not None:
        speaker.say(gpu=None, key="library", call="loader", error=complaint, code=None)
        return
    mapped = mapped_file(name)
    call = "/proc/self/maps" if mapped else "loader"
    speaker.say(gpu=None, key="library", call=call, value=mapped or name)
    sys.path.append(folder)
    import pynvml

    nvml = Nvml(pynvml)
    is_initialised = ask(speaker, None, "init", "Init", lambda: nvml.call("Init") or 0) == 0
    # answers without Init too: the library's own version is what a version mismatch is about
    ask(speaker, None, "nvml_version", "SystemGetNVMLVersion", lambda: nvml.call("SystemGetNVMLVersion"))
    if not is_initialised:
        return
    ask(speaker, None, "driver_version", "SystemGetDriverVersion", lambda: nvml.call("SystemGetDriverVersion"))
    ask(
        speaker,
        None,
        "cuda_version",
        "SystemGetCudaDriverVersion",
        lambda: nvml.first_of(("SystemGetCudaDriverVersion_v2",), ("SystemGetCudaDriverVersion",)),
    )
    count = ask(speaker, None, "device_count", "DeviceGetCount", lambda: nvml.call("DeviceGetCount"))
    if isinstance(count, int) and 0 < count <= MOST_GPUS:
        for index in range(count):
            ask_gpu(speaker, nvml, index)
    speaker.say(gpu=None, key="end", call="end", value=True)
    # no nvmlShutdown: it has nothing to tell, and it can hang


main()
sys.stdout.flush()
os._exit(0)  # no library destructors: they can crash after everything was said
