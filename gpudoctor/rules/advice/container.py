"""Advice about containers: what to change where the container is started, on the host."""

from __future__ import annotations

from gpudoctor.findings.finding import Fix, Risk
from gpudoctor.rules.rule import Case

_POD_LIMIT = '{"spec": {"containers": [{"name": "CONTAINER", "resources": {"limits": {"nvidia.com/gpu": 1}}}]}}'


def container_kind(case: Case) -> str:
    """Return docker, podman, kubernetes, ... or "" outside containers and where that is unknown."""
    container = case.system.container.peek()
    return container.kind if container else ""


def run_with_gpu(case: Case, capabilities: str = "") -> Fix:
    """Start the container with a GPU request; `capabilities` sets NVIDIA_DRIVER_CAPABILITIES ("compute,utility")."""
    kind = container_kind(case)
    variable = f" -e NVIDIA_DRIVER_CAPABILITIES={capabilities}" if capabilities else ""
    if kind == "kubernetes":
        return Fix(
            title="Ask for a GPU in the pod's resource limits",
            commands=(f"kubectl run NAME --image=IMAGE --overrides='{_POD_LIMIT}'",),
        )
    if kind == "podman":
        return Fix(
            title="On the host, start the container with the GPU (CDI)",
            commands=(f"podman run --device nvidia.com/gpu=all{variable} IMAGE",),
        )
    if kind == "singularity":
        return Fix(
            title="Start the container with the NVIDIA libraries", commands=("apptainer exec --nv IMAGE.sif COMMAND",)
        )
    if kind == "lxc":
        return Fix(
            title="On the host, pass the GPU into the container",
            commands=(
                "lxc config device add NAME gpu gpu",
                "lxc config set NAME nvidia.runtime true",
                "lxc restart NAME",
            ),
        )
    return Fix(
        title="On the host, start the container with the GPU",
        commands=(f"docker run --gpus all{variable} IMAGE",),
    )


def install_container_toolkit(case: Case) -> Fix:
    """Install and configure the NVIDIA Container Toolkit on the host."""
    if container_kind(case) == "podman":
        commands = ("sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml", "nvidia-ctk cdi list")
        return Fix(title="On the host, write the CDI description of the GPUs", commands=commands, needs_root=True)
    return Fix(
        title="On the host, install nvidia-container-toolkit and make it known to the container engine",
        commands=("sudo nvidia-ctk runtime configure --runtime=docker", "sudo systemctl restart docker"),
        needs_root=True,
        risk=Risk.MEDIUM,
        risk_note="restarting the engine stops running containers that have no restart policy",
    )


def restart_container(case: Case) -> Fix:
    """Start the container again, so that the host hands the GPU in anew."""
    command = {
        "podman": "podman restart CONTAINER",
        "kubernetes": "kubectl delete pod POD",
        "lxc": "lxc restart NAME",
    }.get(container_kind(case), "docker restart CONTAINER")
    return Fix(
        title="Restart the container; the GPU is handed in again at its start",
        commands=(command,),
        risk=Risk.MEDIUM,
        risk_note="what runs in the container is stopped",
    )


def larger_shared_memory(case: Case) -> Fix:
    """Start the container with more shared memory than the default 64 MiB."""
    if container_kind(case) == "kubernetes":
        return Fix(title="Mount an emptyDir with medium Memory at /dev/shm in the pod", commands=())
    run = "docker run --gpus all"
    if container_kind(case) == "podman":
        run = "podman run --device nvidia.com/gpu=all"
    return Fix(
        title="On the host, start the container with more shared memory",
        commands=(f"{run} --shm-size=8g IMAGE", f"{run} --ipc=host IMAGE"),
    )
