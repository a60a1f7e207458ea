"""Multi-Instance GPU is on and has no instance to use, or a wrong instance is named.

## What is wrong

With MIG on, a GPU can no longer be used as a whole: programs only run in its instances. Here no instance exists, or
`CUDA_VISIBLE_DEVICES` names one that is not there. CUDA then finds no device, while nvidia-smi shows the GPU.

## Why it happens

- MIG was switched on, and the instances were not created, or went away with a reboot: they are not kept.
- GPU instances were created without compute instances in them.
- The instances were made anew and have new UUIDs, while a job script still names the old ones.
- A change of the mode is pending and needs a reset of the GPU.

## How to fix

Create instances, or switch MIG off. `nvidia-smi -L` lists the names to use in `CUDA_VISIBLE_DEVICES`.

## References

- https://docs.nvidia.com/datacenter/tesla/mig-user-guide/
"""

from __future__ import annotations

from gpudoctor.findings.finding import Finding, Fix, Severity
from gpudoctor.rules.advice import mig
from gpudoctor.rules.rule import Case, Scope, rule


@rule("DRV014", Severity.ERROR, Scope.GPU, hides=("CUD009", "DRV013", "PRF001"))
def mig_misconfigured(case: Case) -> Finding | None:
    mode, pending = case.gpu.mig_mode.need(), case.gpu.mig_mode_pending.peek()
    if pending and pending != mode:
        return Finding(
            message=f"MIG is {mode}, and a change to {pending} waits for a reset of the GPU",
            evidence=(case.gpu.mig_mode, case.gpu.mig_mode_pending),
            severity=Severity.WARNING,
            fixes=(mig.reset_gpu(case, case.gpu.index),),
        )
    if mode != "enabled":
        return None
    instances = case.gpu.mig_instances.read() or ()
    if not instances:
        return Finding(
            message="MIG is enabled, and there is no MIG device: expected at least one, or MIG disabled",
            evidence=(case.gpu.mig_mode, case.gpu.mig_instances),
            severity=Severity.WARNING if _others_work(case) else Severity.ERROR,
            fixes=(mig.create_instance(case, case.gpu.index), mig.switch_off(case, case.gpu.index)),
        )
    wrong = _wrongly_named(case)
    if not wrong:
        return None
    return Finding(
        message=f"CUDA_VISIBLE_DEVICES names {wrong}; the MIG devices are {', '.join(one.uuid for one in instances)}",
        evidence=(case.system.variables, case.gpu.mig_instances),
        fixes=(Fix(title="Name a MIG device that exists", commands=("nvidia-smi -L",)),),
    )


def _wrongly_named(case: Case) -> str:
    """Return the MIG device that CUDA_VISIBLE_DEVICES names and no GPU has; "" when there is none."""
    wanted = (case.system.variables.read() or {}).get("CUDA_VISIBLE_DEVICES", "").split(",")
    uuids = [one.uuid for gpu in case.machine.gpus.peek() or () for one in gpu.mig_instances.peek() or ()]
    # The older form MIG-GPU-UUID/GI/CI cannot be compared with UUIDs of MIG devices.
    tokens = [token.strip() for token in wanted if "MIG-GPU-" not in token]
    named = [token for token in tokens if token.startswith("MIG-")]
    return next((token for token in named if not any(uuid.startswith(token) for uuid in uuids)), "")


def _others_work(case: Case) -> bool:
    """Whether another GPU is there to be used: whole, or with instances."""
    others = [gpu for gpu in case.machine.gpus.peek() or () if gpu.index != case.gpu.index]
    return any(gpu.mig_mode.peek() != "enabled" or gpu.mig_instances.peek() for gpu in others)
