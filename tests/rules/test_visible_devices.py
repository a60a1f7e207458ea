"""CUDA_VISIBLE_DEVICES is read as the driver reads it."""

from __future__ import annotations

import pytest

from gpudoctor.facts.fact import FactUnknown, absent, known, unknown
from gpudoctor.facts.gpu import Gpu, MigInstance
from gpudoctor.rules.readings.visible_devices import selection

UUIDS = ("GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", "GPU-8932aaaa-0000-1111-2222-333344445555", "GPU-11112222-3333")
GPUS = [
    Gpu(index=index, uuid=known(uuid, "NVML"), mig_instances=known((), "NVML"), mig_mode=absent("NVML"))
    for index, uuid in enumerate(UUIDS)
]


@pytest.mark.parametrize(
    ("value", "visible", "rejected"),
    [
        ("2,1", (2, 1), ""),
        ("0,2,-1,1", (0, 2), "-1"),  # the example of NVIDIA's programming guide
        (" 1 , 0 ", (1, 0), ""),
        ("0,5,1", (0,), "5"),
        ("5", (), "5"),
        ("", (), ""),
        ("0,", (0,), ""),
        ("0,0", (), "0"),
        ("1gpu2,2ampere", (1, 2), ""),
        ("all", (), "all"),
        ("cuda:0", (), "cuda:0"),
        ("GPU-8932f937", (0,), ""),
        ("gpu-8932F", (0,), ""),
        ("GPU-8932", (), "GPU-8932"),  # two GPUs begin so
        (f"{UUIDS[2]},GPU-ffff,{UUIDS[0]}", (2,), "GPU-ffff"),
        ("MIG-1234", (), "MIG-1234"),
    ],
)
def test_values(value: str, visible: tuple[int, ...], rejected: str) -> None:
    found = selection(value, GPUS)
    assert (found.visible, found.rejected) == (visible, rejected)
    assert bool(found.reason) == (len(found.visible) < len(value.split(",")))


def test_instances_of_one_gpu_are_several_devices() -> None:
    instances = (MigInstance(uuid="MIG-aaaa"), MigInstance(uuid="MIG-bbbb"))
    gpu = Gpu(index=0, uuid=known(UUIDS[0], "NVML"), mig_instances=known(instances, "NVML"))
    assert selection("MIG-aaaa,MIG-bbbb", [gpu]).visible == (0, 0)
    assert selection(f"MIG-{UUIDS[0]}/1/0", [gpu]).visible == (0,)


def test_an_unknown_uuid_is_not_taken_for_another_one() -> None:
    gpu = Gpu(index=0, uuid=unknown("NO_PERMISSION", "NVML"))
    assert selection("0", [gpu]).visible == (0,)
    with pytest.raises(FactUnknown):
        selection("GPU-8932", [gpu])
