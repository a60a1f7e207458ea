"""Questions to TensorFlow 2.3 and newer. Python 3.7."""

import os

from inside_devices import message, unknown_device


def start():
    # Take the GPU's memory as it is needed: all of it at once would fail beside the user's own work.
    os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
    # What the loader misses is the evidence; a log level of the user's would hide it.
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "0"
    # Since 2.13 the names of the libraries that it cannot load are told at this level only.
    modules = [os.environ.get("TF_CPP_VMODULE", ""), "dso_loader=1"]
    os.environ["TF_CPP_VMODULE"] = ",".join(module for module in modules if module)
    import tensorflow as tf

    build = _build(tf)
    is_cuda = bool(build.get("is_cuda_build", tf.test.is_built_with_cuda()))
    is_rocm = bool(build.get("is_rocm_build", False))
    return tf, {
        "version": str(tf.__version__),
        "built_cuda": _text(build.get("cuda_version")) if is_cuda else None,
        "built_rocm": (_text(build.get("rocm_version")) or "yes") if is_rocm else None,
        "built_cudnn": _text(build.get("cudnn_version")) if is_cuda else None,
        "arch_list": [str(target) for target in build.get("cuda_compute_capabilities") or []] if is_cuda else [],
    }


def _build(tf):
    ask = getattr(getattr(tf, "sysconfig", None), "get_build_info", None)  # since 2.3
    return dict(ask()) if ask is not None else {}


def _text(value):
    return None if value in (None, "") else str(value)


def cudnn(tf):
    """TensorFlow does not say; the mapped library does."""
    return None


def devices(tf):
    """List the GPUs, and use each once."""
    listed = tf.config.list_physical_devices("GPU")
    answers = {"is_available": bool(listed), "error": None, "error_code": None, "devices": []}
    for gpu in listed:
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except (RuntimeError, ValueError):
            continue
    for index, gpu in enumerate(listed):
        answers["devices"].append(_device(tf, index, gpu))
    return answers


def _device(tf, index, gpu):
    device = unknown_device(index)
    try:
        ask = getattr(tf.config.experimental, "get_device_details", None)  # since 2.4
        details = ask(gpu) if ask is not None else {}
        device["name"] = str(details.get("device_name", ""))
        capability = details.get("compute_capability")
        device["compute_capability"] = "%d.%d" % tuple(capability) if capability else ""
        with tf.device("/GPU:%d" % index):
            (tf.zeros([1]) + 1).numpy()
    except Exception as error:
        device["error"] = message(error)
    return device


def kernels(tf, index, report):
    """Compute on GPU `index` and on the CPU; `report` each result at once."""
    import numpy

    generator = numpy.random.RandomState(20260704)

    def random(*shape):
        return generator.standard_normal(shape).astype("float32")

    precision = getattr(tf.config.experimental, "enable_tensor_float_32_execution", None)  # since 2.4
    if precision is not None:
        precision(False)  # the CPU has no TF32: compare like with like
    left, right = random(256, 256), random(256, 256)
    image, weight = random(4, 32, 32, 8), random(3, 3, 8, 16)

    def backward():
        parameter = tf.Variable(weight)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(tf.nn.relu(tf.nn.conv2d(image, parameter, 1, "SAME"))))
        return tape.gradient(loss, parameter)

    computations = (
        ("matmul", lambda: tf.linalg.matmul(left, right)),
        ("convolution", lambda: tf.nn.conv2d(image, weight, 1, "SAME")),
        ("backward", backward),
    )
    for operation, compute in computations:
        outcome = {"device": index, "operation": operation, "is_correct": None, "max_difference": 0.0, "error": ""}
        try:
            with tf.device("/CPU:0"):
                expected = compute().numpy()
            with tf.device("/GPU:%d" % index):
                got = compute().numpy()
            difference = float(abs(got - expected).max()) / max(float(abs(expected).max()), 1e-12)
            outcome["is_correct"] = difference < 1e-3  # NaN is not below anything
            outcome["max_difference"] = difference if difference == difference else -1.0
        except Exception as error:
            outcome["error"] = message(error)
        report(**outcome)
