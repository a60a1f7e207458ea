"""The GPUs of a distributed run do not reach each other through NCCL.

## What is wrong
"NCCL error", "unhandled system error", "Watchdog caught collective operation timeout", "Bootstrap : no socket
interface found", or a run on several GPUs that hangs at its first collective operation while each GPU alone works.

## Why it happens
NCCL tries, in this order, direct access between GPUs, shared memory of the host, InfiniBand, and sockets.
- Direct access that the board promises and does not deliver: virtual machines, PCIe access control (ACS, IOMMU),
  consumer cards of mixed kinds.
- `/dev/shm` of 64 MB in a container.
- The wrong network interface taken (docker0, a VPN), a firewall between the ranks, or no interface in a container
  without network.
- Ranks that disagree: another NCCL, another order of collectives, one rank dead earlier. The first rank that failed
  is the one to read.

## How to fix
- Run once with `NCCL_DEBUG=INFO` (and `NCCL_DEBUG_SUBSYS=INIT,NET`), and read the first WARN of every rank.
- Then leave out one way at a time: `NCCL_P2P_DISABLE=1`, `NCCL_SHM_DISABLE=1`, `NCCL_IB_DISABLE=1`; the one that
  helps names the layer to repair.
- Name the network: `NCCL_SOCKET_IFNAME=eth0` (`GLOO_SOCKET_IFNAME` for the start-up store).
- Containers: `--shm-size=8g` or `--ipc=host`, `--ulimit memlock=-1`, and a network. Bare metal: ACS off for direct
  access.
- `nccl-tests` (`all_reduce_perf`) shows whether NCCL works without the framework.

## Easily confused with
A rank that ran out of memory or crashed in its own code: the others then report NCCL errors or time out.

## References
- https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/troubleshooting.html
- https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/env.html
"""

from __future__ import annotations

from gpudoctor.findings.finding import Severity
from gpudoctor.rules.rule import documented

RULE = documented("RUN003", "nccl-communication", Severity.ERROR, __doc__)
