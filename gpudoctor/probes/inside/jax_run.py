"""Questions to JAX. Python 3.7."""

import os

from inside_devices import message, unknown_device


def start():
    # Take the GPU's memory as it is needed: three quarters of it at once would fail beside the user's own work.
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    import jax

    versions = _cuda_versions()
    return jax, {
        "version": str(jax.__version__),
        "built_cuda": _asked(versions, "cuda_runtime_build_version", _cuda),
        "built_rocm": None,
        "built_cudnn": _asked(versions, "cudnn_build_version", _cudnn),
        "arch_list": None,  # jaxlib does not say which code it holds
    }


def _cuda_versions():
    """Return jaxlib's module of versions; None in a build without CUDA and in releases that do not tell."""
    try:
        from jax._src.lib import cuda_versions
    except Exception:
        return None
    return cuda_versions


def _asked(versions, function, decode):
    try:
        return decode(int(getattr(versions, function)()))
    except Exception:
        return None


def _cuda(number):  # 12090 = 12.9
    return "%d.%d" % (number // 1000, number % 1000 // 10)


def _cudnn(number):
    import inside_libraries

    return inside_libraries.cudnn_version(number)


def cudnn(jax):
    """Return the version of the cuDNN that was loaded, None where there is none."""
    return _asked(_cuda_versions(), "cudnn_get_version", _cudnn)


def devices(jax):
    """List the GPUs, and use each once."""
    answers = {"is_available": False, "error": None, "error_code": None, "devices": []}
    try:
        listed = [device for device in jax.devices() if device.platform in ("gpu", "cuda", "rocm")]
    except RuntimeError as error:
        listed, answers["error"] = [], message(error)
    answers["is_available"] = bool(listed)
    if not listed:
        answers["error"] = answers["error"] or _backend_errors() or _gpu_refusal(jax)
    for index, gpu in enumerate(listed):
        answers["devices"].append(_device(jax, index, gpu))
    return answers


def _backend_errors():
    """Return why the CUDA backend did not start; jax falls back to the CPU without raising it."""
    try:
        from jax._src import xla_bridge

        errors = dict(getattr(xla_bridge, "_backend_errors", {}))
    except Exception:
        return None
    told = [str(errors[name]) for name in ("cuda", "gpu", "rocm") if errors.get(name)]
    return told[0][:2000] if told else None


def _gpu_refusal(jax):
    try:
        jax.devices("gpu")
    except Exception as error:
        return message(error)
    return None


def _device(jax, index, gpu):
    device = unknown_device(index)
    try:
        device["name"] = str(gpu.device_kind)
        device["compute_capability"] = str(getattr(gpu, "compute_capability", "") or "")
        import numpy

        numpy.asarray(jax.device_put(numpy.zeros(1, "float32"), gpu) + 1)
    except Exception as error:
        device["error"] = message(error)
    return device


def kernels(jax, index, report):
    """Compute on GPU `index` and on the CPU; `report` each result at once."""
    import numpy

    generator = numpy.random.RandomState(20260704)

    def random(*shape):
        return generator.standard_normal(shape).astype("float32")

    left, right = random(256, 256), random(256, 256)
    image, weight = random(4, 8, 32, 32), random(16, 8, 3, 3)
    gpu = [device for device in jax.devices() if device.platform in ("gpu", "cuda", "rocm")][index]
    cpu = jax.devices("cpu")[0]

    def convolve(picture, kernel):
        # "highest" keeps the GPU from TF32, which the CPU has not: compare like with like
        return jax.lax.conv_general_dilated(picture, kernel, (1, 1), "SAME", precision="highest")

    def loss(kernel, picture):
        return (jax.nn.relu(convolve(picture, kernel)) ** 2).mean()

    computations = (
        (
            "matmul",
            lambda put: jax.lax.dot_general(put(left), put(right), (((1,), (0,)), ((), ())), precision="highest"),
        ),
        ("convolution", lambda put: convolve(put(image), put(weight))),
        ("backward", lambda put: jax.grad(loss)(put(weight), put(image))),
    )
    for operation, compute in computations:
        outcome = {"device": index, "operation": operation, "is_correct": None, "max_difference": 0.0, "error": ""}
        try:
            expected = numpy.asarray(compute(lambda array: jax.device_put(array, cpu)))
            got = numpy.asarray(compute(lambda array: jax.device_put(array, gpu)))
            difference = float(abs(got - expected).max()) / max(float(abs(expected).max()), 1e-12)
            outcome["is_correct"] = difference < 1e-3  # NaN is not below anything
            outcome["max_difference"] = difference if difference == difference else -1.0
        except Exception as error:
            outcome["error"] = message(error)
        report(**outcome)
