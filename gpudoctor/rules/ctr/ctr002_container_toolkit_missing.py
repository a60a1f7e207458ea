"""GPUs were asked for, and the container engine did not hand them in.

## What is wrong
The engine needs the NVIDIA Container Toolkit on the host to put the driver into a container. Without it `--gpus` ends
with "could not select device driver "" with capabilities: [[gpu]]". Where the request is only a variable
(NVIDIA_VISIBLE_DEVICES with certain devices, as Kubernetes' device plugin sets it), the container starts, and nothing
of the driver is in it.

## Why it happens
- The toolkit is not installed on the host, or the engine was not restarted after `nvidia-ctk runtime configure`.
- In Kubernetes the pod runs under the ordinary runtime class, and `nvidia` is not the default one.
- Docker from snap, rootless Docker and Docker Desktop read another configuration file than the one that was changed.
- Podman knows GPUs through CDI, and no CDI file was generated.

## How to fix
Install and configure the toolkit on the host, restart the engine, and try `docker run --rm --gpus all ubuntu
nvidia-smi`. In Kubernetes set `runtimeClassName: nvidia`.

## Easily confused with
- Nothing was asked for (CTR001). NVIDIA_VISIBLE_DEVICES=all tells nothing: NVIDIA's images set it themselves.

## References
- NVIDIA Container Toolkit, "Installing the NVIDIA Container Toolkit" and "Support for Container Device Interface".
- NVIDIA k8s-device-plugin, README: runtime class.
"""

from __future__ import annotations

from gpudoctor.findings.finding import Evidence, Finding, Severity
from gpudoctor.rules.advice.container import install_container_toolkit, restart_container
from gpudoctor.rules.consequences import OF_NO_MODULE
from gpudoctor.rules.readings.handed_in_driver import handed_in, host_has_gpu
from gpudoctor.rules.readings.nvidia_hardware import lists_gpus
from gpudoctor.rules.rule import Case, Scope, rule


@rule("CTR002", Severity.ERROR, Scope.MACHINE, hides=("CTR001", "DRV001", "DRV002", "DRV005", *OF_NO_MODULE))
def container_toolkit_missing(case: Case) -> Finding | None:
    seen = handed_in(case)
    case.system.variables.read()
    if not seen.is_nothing or not seen.names_devices or lists_gpus(case) or host_has_gpu(case) is False:
        return None
    return Finding(
        message=f"NVIDIA_VISIBLE_DEVICES asks for {seen.visible_devices}, and the container engine handed in neither"
        " driver libraries nor /dev/nvidia*",
        evidence=(
            Evidence(fact="system.container", value=seen.container.kind, source=seen.container.evidence),
            Evidence(fact="NVIDIA_VISIBLE_DEVICES", value=seen.visible_devices, source=case.system.variables.source),
            case.driver.device_nodes,
        ),
        fixes=(install_container_toolkit(case), restart_container(case)),
    )
