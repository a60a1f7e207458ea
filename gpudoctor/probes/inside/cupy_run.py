"""Questions to CuPy. Python 3.7."""

from inside_devices import message, unknown_device


def start():
    import cupy

    is_hip = bool(getattr(cupy.cuda.runtime, "is_hip", False))
    return cupy, {
        "version": str(cupy.__version__),
        "built_cuda": None if is_hip else _build_version(cupy),
        "built_rocm": (_build_version(cupy) or "yes") if is_hip else None,
        "built_cudnn": None,
        "arch_list": [],  # compiled for the GPU at run time
    }


def _build_version(cupy):
    try:
        number = int(cupy.cuda.driver.get_build_version())  # 12040 = 12.4
    except Exception:
        return None
    return "%d.%d" % (number // 1000, number % 1000 // 10) if number else None


def cudnn(cupy):
    """CuPy does not load cuDNN by itself."""
    return None


def devices(cupy):
    """Count the GPUs, and use each once."""
    answers = {"is_available": False, "error": None, "error_code": None, "devices": []}
    try:
        count = int(cupy.cuda.runtime.getDeviceCount())
    except Exception as error:
        answers["error"], answers["error_code"] = message(error), _code(error)
        return answers
    answers["is_available"] = count > 0
    for index in range(count):
        answers["devices"].append(_device(cupy, index))
    return answers


def _device(cupy, index):
    device = unknown_device(index)
    try:
        properties = cupy.cuda.runtime.getDeviceProperties(index)
        name = properties["name"]
        device["name"] = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
        device["memory_total_bytes"] = int(properties["totalGlobalMem"])
        device["compute_capability"] = "%d.%d" % (properties["major"], properties["minor"])
        with cupy.cuda.Device(index):
            cupy.zeros(1, dtype="float32").get()
    except Exception as error:
        device["error"], device["error_code"] = message(error), _code(error)
    return device


def _code(error):
    number = getattr(error, "status", None)  # CUDARuntimeError, CUDADriverError
    return int(number) if isinstance(number, int) else None


def kernels(cupy, index, report):
    """Compute on GPU `index` and on the CPU; `report` each result at once. CuPy has no convolution nets, no gradients."""
    import numpy

    generator = numpy.random.RandomState(20260704)
    left, right = (generator.standard_normal((256, 256)).astype("float32") for _ in range(2))
    outcome = {"device": index, "operation": "matmul", "is_correct": None, "max_difference": 0.0, "error": ""}
    try:
        expected = left @ right
        with cupy.cuda.Device(index):
            got = (cupy.asarray(left) @ cupy.asarray(right)).get()
        difference = float(abs(got - expected).max()) / max(float(abs(expected).max()), 1e-12)
        outcome["is_correct"] = difference < 1e-3  # NaN is not below anything
        outcome["max_difference"] = difference if difference == difference else -1.0
    except Exception as error:
        outcome["error"] = message(error)
    report(**outcome)
