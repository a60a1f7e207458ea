"""The container had the GPU and lost it while it was running.

## What is wrong
"Failed to initialize NVML: Unknown Error" inside, and the host is fine. The device files are still there, but the
kernel no longer lets the container open them: the list of allowed devices was written anew, without the GPUs.

## Why it happens
Docker asks systemd to manage the container's cgroup. The NVIDIA runtime adds the GPUs behind systemd's back; at the
next `systemctl daemon-reload` (an update of any package with a service does that) systemd restores its own list.

## How to fix
Restart the container. To keep it from coming back, on the host: hand the GPUs in by CDI (`--device
nvidia.com/gpu=all`), or name them with `--device /dev/nvidia0 ...`, or set `"exec-opts":
["native.cgroupdriver=cgroupfs"]` in `/etc/docker/daemon.json`.

## Easily confused with
- The host has the same error: driver and library differ (DRV003), or the GPU is gone (HWD002).
- The files' permissions, not the cgroup, keep this user out (DRV007).

## References
- NVIDIA Container Toolkit, "Troubleshooting": containers losing access to GPUs with error "Failed to initialize
  NVML".
"""

from __future__ import annotations

from gpudoctor.facts.fact import Fact
from gpudoctor.findings.finding import Evidence, Finding, Fix, Risk, Severity
from gpudoctor.rules.advice.container import restart_container
from gpudoctor.rules.readings.handed_in_driver import handed_in
from gpudoctor.rules.rule import Case, Scope, rule

_UNKNOWN_ERROR = 999
_CGROUPFS = Fix(
    title='On the host, set "exec-opts": ["native.cgroupdriver=cgroupfs"] in /etc/docker/daemon.json, so that it stays',
    commands=("sudo systemctl restart docker",),
    needs_root=True,
    risk=Risk.MEDIUM,
    risk_note="all containers are stopped, and other tools on the host may expect the systemd driver",
)


@rule("CTR004", Severity.ERROR, Scope.MACHINE, hides=("DRV007", "DRV010", "DRV013", "HWD002", "CUD001", "PRF001"))
def devices_lost_in_container(case: Case) -> Finding | None:
    seen = handed_in(case)
    if not seen.has_device_nodes:
        return None
    error = _unknown_error(case)
    if error is None or case.driver.proc_version.read() is None:
        return None
    return Finding(
        message="NVML says Unknown Error in this container, while the device files are there and the kernel runs driver"
        f" {case.driver.proc_version.need()}",
        evidence=(
            error,
            case.driver.proc_version,
            Evidence(fact="system.container", value=seen.container.kind, source=seen.container.evidence),
        ),
        fixes=(restart_container(case), _CGROUPFS),
    )


def _unknown_error(case: Case) -> Fact[int] | Evidence | None:
    """Return where NVML or nvidia-smi says it of the whole, or of every GPU; of one among several it is that GPU's."""
    nvml = case.driver.nvml
    if nvml.init_code.peek() == _UNKNOWN_ERROR:
        return nvml.init_code
    smi = case.driver.smi.peek()
    if smi and "NVML: Unknown Error" in smi.message:
        return Evidence(fact="driver.smi", value=smi.message, source=smi.path)
    gpus = case.machine.gpus.peek() or ()
    if gpus and all(gpu.handle_error.peek() == "UNKNOWN" for gpu in gpus):
        return Evidence(fact="gpus", value="UNKNOWN for every GPU", source="NVML")
    if not gpus and smi is None:
        nvml.init_code.read()
    return None
