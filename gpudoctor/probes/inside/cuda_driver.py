"""Ask the CUDA driver API, one line of JSON an answer; run as `PYTHON -I -S cuda_driver.py MARKER`.

It runs in a process of its own: cuInit may hang, crash or print. Lines are those of nvml.py beside it. Only ctypes;
CUDA_VISIBLE_DEVICES stays as it is, because what the user's programs see is the question. Syntax of Python 3.7.
"""

import ctypes
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from inside_answers import Failed, Speaker, mapped_file  # noqa: E402

sys.path.pop(0)  # nothing else of this folder is anybody's module

IS_WINDOWS = sys.platform[:3] == "win"
LIBRARY = "nvcuda.dll" if IS_WINDOWS else "libcuda.so.1"
MOST_GPUS = 256
CAPABILITY_MAJOR, CAPABILITY_MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_*


class Driver:
    """The library with every code but 0 turned into Failed."""

    def __init__(self, library):
        self.library = library

    def call(self, function, *arguments):
        try:
            symbol = getattr(self.library, function)
        except AttributeError:
            raise Failed("the library has no %s" % function)
        code = symbol(*arguments)
        if code != 0:
            raise Failed(self.error_name(code), code)

    def error_name(self, code):
        """Return CUDA_ERROR_..., or the number in that form where the library does not name it."""
        name = ctypes.c_char_p()
        try:
            if self.library.cuGetErrorName(code, ctypes.byref(name)) == 0 and name.value:
                return name.value.decode("ascii", "replace")
        except AttributeError:
            pass
        return "CUDA_ERROR_%d" % code


def number(driver, function, *arguments):
    value = ctypes.c_int(-1)
    driver.call(function, ctypes.byref(value), *arguments)
    return value.value


def device(driver, index):
    """Return what the API says of one device; what it does not say is None."""
    handle = ctypes.c_int(-1)
    driver.call("cuDeviceGet", ctypes.byref(handle), index)
    return {
        "name": or_none(name, driver, handle),
        "capability": or_none(capability, driver, handle),
        "uuid": or_none(uuid, driver, handle),
        "memory": or_none(memory, driver, handle),
    }


def or_none(function, *arguments):
    try:
        return function(*arguments)
    except Failed:
        return None


def name(driver, handle):
    text = ctypes.create_string_buffer(256)
    driver.call("cuDeviceGetName", text, 256, handle)
    return text.value.decode("utf-8", "replace")


def capability(driver, handle):
    return [number(driver, "cuDeviceGetAttribute", which, handle) for which in (CAPABILITY_MAJOR, CAPABILITY_MINOR)]


def uuid(driver, handle):
    data = (ctypes.c_ubyte * 16)()
    try:
        driver.call("cuDeviceGetUuid_v2", data, handle)
    except Failed:
        driver.call("cuDeviceGetUuid", data, handle)
    text = bytes(data).hex()
    return "GPU-%s-%s-%s-%s-%s" % (text[:8], text[8:12], text[12:16], text[16:20], text[20:])


def memory(driver, handle):
    size = ctypes.c_size_t()
    driver.call("cuDeviceTotalMem_v2", ctypes.byref(size), handle)
    return size.value


def ask(speaker, index, key, call, question):
    """Announce a question, ask it, say the answer; return the value, None when there is none."""
    speaker.say(gpu=index, asking=call)
    try:
        value = question()
    except Failed as failure:
        speaker.say(gpu=index, key=key, call=call, error=failure.error, code=failure.code)
        return None
    speaker.say(gpu=index, key=key, call=call, value=value)
    return value


def init(driver):
    driver.call("cuInit", 0)
    return 0


def main():
    speaker = Speaker(sys.argv[1])
    speaker.say(gpu=None, asking="library load")
    try:
        driver = Driver((ctypes.WinDLL if IS_WINDOWS else ctypes.CDLL)(LIBRARY))
    except OSError as error:
        speaker.say(gpu=None, key="library", call="loader", error=str(error), code=None)
        return
    mapped = mapped_file(LIBRARY)
    call = "/proc/self/maps" if mapped else "loader"
    speaker.say(gpu=None, key="library", call=call, value=mapped or LIBRARY)
    # answers without cuInit, so that the version is known where cuInit fails or hangs
    ask(speaker, None, "driver_version", "cuDriverGetVersion", lambda: number(driver, "cuDriverGetVersion"))
    if ask(speaker, None, "init", "cuInit", lambda: init(driver)) != 0:
        return
    count = ask(speaker, None, "device_count", "cuDeviceGetCount", lambda: number(driver, "cuDeviceGetCount"))
    if isinstance(count, int) and 0 <= count <= MOST_GPUS:
        for index in range(count):
            ask(speaker, index, "device", "cuDeviceGet(%d)" % index, lambda: device(driver, index))


main()
os._exit(0)  # no library destructors: they can crash after everything was said
