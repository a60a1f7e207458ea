"""Parse TensorFlow's own build_info.py without running it."""

from __future__ import annotations

from gpudoctor.facts.environment import TensorflowBuild
from gpudoctor.parsers.torch_version import literal_assignments


def parse_tensorflow_build_info(text: str, version: str) -> TensorflowBuild:
    """Return what the build says of CUDA; `version` is the release's, which the file does not hold.

    From tensorflow 2.21.0 (2.2 and older assign `is_cuda_build`, `cuda_version_number` one by one):
        build_info = collections.OrderedDict([('cpu_compiler', '/usr/lib/llvm-18/bin/clang'),
            ('cuda_compute_capabilities', ['sm_60', 'sm_70', 'sm_80', 'sm_89', 'compute_90']),
            ('cuda_version', '12.5.1'), ('cudnn_version', '9'), ('is_cuda_build', True), ('is_rocm_build', False)])
    """
    values = dict(literal_assignments(text))
    for name in ("build_info", "cuda_build_info"):
        inner = values.get(name)
        values.update(_pairs(inner))
    is_cuda = values.get("is_cuda_build")
    return TensorflowBuild(
        version=version,
        is_cuda_build=is_cuda if isinstance(is_cuda, bool) else None,
        is_rocm_build=values.get("is_rocm_build") is True,
        cuda_version=str(values.get("cuda_version") or values.get("cuda_version_number") or ""),
        cudnn_version=str(values.get("cudnn_version") or values.get("cudnn_version_number") or ""),
        compute_capabilities=tuple(str(target) for target in _items(values.get("cuda_compute_capabilities"))),
    )


def _pairs(value: object) -> dict[str, object]:
    if isinstance(value, dict):
        return {str(name): item for name, item in value.items()}
    pairs = [pair for pair in _items(value) if isinstance(pair, tuple | list) and len(pair) == 2]  # noqa: PLR2004
    return {str(name): item for name, item in pairs}


def _items(value: object) -> list[object]:
    return list(value) if isinstance(value, tuple | list) else []
