"""Which answer of the driver, of all that was asked, shows a hang or a crash."""

from __future__ import annotations

import re
from typing import Any

from gpudoctor.facts.fact import Fact
from gpudoctor.rules.rule import Case


def answers_that_show(case: Case, pattern: str) -> dict[str, Fact[Any]]:
    """Return, of each way to the driver, the first fact whose reason matches the expression, else its first fact.

    The ways are "cuInit", "NVML" and "nvidia-smi". What NVML was asked of single GPUs counts, too: it may answer for
    some and come to grief at one.
    """
    nvml, api = case.driver.nvml, case.driver.api
    of_gpus = [
        getattr(gpu, name)
        for gpu in case.machine.gpus.peek() or ()
        for name in gpu.__struct_fields__
        if name != "index"
    ]
    ways = {
        "cuInit": (api.init_code, api.device_count, api.devices),
        "NVML": (nvml.init_code, nvml.device_count, case.machine.gpus, *of_gpus),
        "nvidia-smi": (case.driver.smi,),
    }
    return {
        way: next((fact for fact in facts if re.search(pattern, fact.unknown)), facts[0]) for way, facts in ways.items()
    }
