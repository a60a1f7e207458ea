from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gpudoctor.probes.host import Host

MakeHost = Callable[..., Host]

RTX_4090 = {"name": "NVIDIA GeForce RTX 4090", "cc": "8.9"}
H100 = {"name": "NVIDIA H100 80GB HBM3", "cc": "9.0"}


@pytest.fixture
def fake_host(fake_libraries: Path, tmp_path: Path) -> MakeHost:
    """Make a host whose driver libraries are the fakes, answering from the lines given."""

    def make(
        *lines: str, gpus: list[dict[str, str]] | None = None, timeout_seconds: float = 30.0, **variables: str
    ) -> Host:
        cards = [f"gpu{index}.{key}={value}" for index, gpu in enumerate(gpus or []) for key, value in gpu.items()]
        answers = tmp_path / "answers"
        answers.write_text("\n".join([*cards, *lines, ""]))
        fakes = {"LD_LIBRARY_PATH": str(fake_libraries), "FAKE_NVML": str(answers), "FAKE_CUDA": str(answers)}
        return Host(root=tmp_path, variables={**fakes, **variables}, timeout_seconds=timeout_seconds)

    return make
