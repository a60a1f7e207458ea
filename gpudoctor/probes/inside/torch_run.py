"""Questions to PyTorch 1.7 and newer. Python 3.7."""

import re

from inside_devices import unknown_device


def start():
    import torch

    version = torch.version
    return torch, {
        "version": str(torch.__version__),
        "built_cuda": _text(getattr(version, "cuda", None)),
        "built_rocm": _text(getattr(version, "hip", None)),
        "built_cudnn": _compiled_cudnn(torch),
        "arch_list": _arch_list(torch),
    }


def _text(value):
    return None if value is None else str(value)


def _arch_list(torch):
    """Return the build's code targets. torch.cuda.get_arch_list says [] where no GPU is usable, the flags do not."""
    flags = getattr(torch._C, "_cuda_getArchFlags", None)
    if flags is not None:
        return (flags() or "").split()
    ask = getattr(torch.cuda, "get_arch_list", None)
    return list(ask()) if ask is not None else None


def _compiled_cudnn(torch):
    try:
        return ".".join(str(piece) for piece in torch._C._cudnn.getCompileVersion())
    except Exception:  # built without, or not told by this release
        return None


def cudnn(torch):
    """Return the version of the cuDNN that was loaded, None where there is none."""
    module = getattr(torch._C, "_cudnn", None)
    if module is not None and hasattr(module, "getRuntimeVersion"):
        return ".".join(str(piece) for piece in module.getRuntimeVersion())
    number = torch.backends.cudnn.version()
    if number is None:
        return None
    import inside_libraries

    return inside_libraries.cudnn_version(number)


def devices(torch):
    """Ask whether a GPU is usable, why not, and use each GPU once."""
    answers = {"is_available": bool(torch.cuda.is_available()), "error": None, "error_code": None, "devices": []}
    if not answers["is_available"]:
        answers["error"], answers["error_code"] = _why_not(torch)
        return answers
    for index in range(torch.cuda.device_count()):
        answers["devices"].append(_device(torch, index))
    return answers


def _why_not(torch):
    """Return the error that is_available() has swallowed, and CUDA's number where one is given."""
    try:
        torch.cuda.init()
    except BaseException as error:
        return _message(error), _code(error)
    return None, None


def _device(torch, index):
    device = unknown_device(index)
    try:
        properties = torch.cuda.get_device_properties(index)
        device["name"] = str(properties.name)
        device["memory_total_bytes"] = int(properties.total_memory)
        device["compute_capability"] = "%d.%d" % tuple(torch.cuda.get_device_capability(index))
        (torch.zeros(1, device="cuda:%d" % index) + 1).cpu()
    except Exception as error:
        device["error"], device["error_code"] = _message(error), _code(error)
    return device


def _message(error):
    # only the error itself: the advice about CUDA_LAUNCH_BLOCKING that follows is not about this machine
    text = str(error).strip() or repr(error)
    return re.split(r"\n(?:CUDA kernel errors might|For debugging consider|Search for )", text)[0].strip()[:2000]


def _code(error):
    number = getattr(error, "error_code", None)  # torch.AcceleratorError
    return number if isinstance(number, int) else None


def kernels(torch, index, report):
    """Compute on GPU `index` and on the CPU; `report` each result at once."""
    generator = torch.Generator().manual_seed(20260704)

    def random(*shape):
        return torch.randn(*shape, generator=generator)

    torch.backends.cuda.matmul.allow_tf32 = False  # the CPU has no TF32: compare like with like
    torch.backends.cudnn.allow_tf32 = False
    left, right = random(256, 256), random(256, 256)
    image, weight = random(4, 8, 32, 32), random(16, 8, 3, 3)

    def backward(device):
        parameter = weight.detach().to(device).clone().requires_grad_(True)
        torch.nn.functional.conv2d(image.to(device), parameter, padding=1).relu().pow(2).mean().backward()
        return parameter.grad

    computations = (
        ("matmul", lambda device: left.to(device) @ right.to(device)),
        ("convolution", lambda device: torch.nn.functional.conv2d(image.to(device), weight.to(device), padding=1)),
        ("backward", backward),
    )
    for operation, compute in computations:
        outcome = {"device": index, "operation": operation, "is_correct": None, "max_difference": 0.0, "error": ""}
        try:
            expected, got = compute("cpu"), compute("cuda:%d" % index).cpu()
            scale = max(float(expected.abs().max()), 1e-12)
            difference = float((got - expected).abs().max()) / scale
            outcome["is_correct"] = difference < 1e-3  # NaN is not below anything
            outcome["max_difference"] = difference if difference == difference else -1.0
        except Exception as error:
            outcome["error"] = _message(error)
        report(**outcome)
