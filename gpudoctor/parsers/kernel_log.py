"""What `dmesg` and the journal say about the GPU: the lines of interest, and the Xid messages in them."""

from __future__ import annotations

import re

import msgspec

from gpudoctor.facts.kernel_log import LogLine, Xid

KEPT = 500  # lines of interest, and Xids: the first half and the last half of the log are kept

_PREFIX = re.compile(
    r"""^\s*
    (?:<\d+>\s*)?                                         # syslog level, as /dev/kmsg gives it
    (?:(?:kern|user|daemon)\s*:\s*[a-z]+\s*:\s*)?         # "kern  :err   :", dmesg -x
    (?:(?P<wall>[A-Z][a-z]{2}\ +\d+\ [\d:]{8}(?:\.\d+)?   # "Jan 17 11:00:15", syslog and journal
       |\d{4}-\d\d-\d\dT[\d:]{8}[.,\d]*(?:[+-][\d:]{4,5}|Z)?)\ +)?
    (?:(?:\[(?P<clock>\s*\d+\.\d+|[A-Z][a-z]{2}\ [A-Z][a-z]{2}\ [\d :]+|\d{4}-\d\d-\d\d[T\ ][\d:.,+Z-]+)\]:?\s*)
       (?:\[\s*[TC]\d+\]\s*)?)?                           # "[   22.200339]", "[Fri Aug  9 13:00:56 2024]", caller
    (?:(?:[^\s:]+\ )?kernel:\s)?                             # the host's name is of no use and private
    (?:\[(?P<inner>\s*\d+\.\d+)\]\s*)?                    # "kernel: [ 2192.122073] ..."
    """,
    re.VERBOSE,
)
_INTEREST = re.compile(
    r"NVRM|nvidia|nouveau|\bnova[-_ ]?core|NovaCore|dxgk"
    r"|Key was rejected|Required key not available|module verification failed|unsigned module|Loading of module"
    r"|is locked down|Lockdown:|Secure boot enabled|PM: suspend (?:entry|exit)"
    r"|pci [0-9a-f:.]+: BAR \d+.*(?:can't assign|no space|failed to assign|no compatible)"
    r"|IO_PAGE_FAULT|AER:|PCIe Bus Error|trap invalid opcode"
    r"|Out of memory: Kill|oom-kill:|invoked oom-killer|Memory cgroup out of memory",
    re.IGNORECASE,
)
_XID = re.compile(r"NVRM:\s*Xid\s*(?:\((?P<place>[^)]*)\))?:\s*(?P<number>\d{1,4})\b(?:,\s*(?P<rest>.*))?")
_ADDRESS = re.compile(r"(?:[0-9a-f]{4,8}:)?[0-9a-f]{2,4}:[0-9a-f]{2}(?:\.[0-7])?", re.IGNORECASE)
_PID = re.compile(r"\bpid='?(\d+)")
_PROCESS = re.compile(r"\bname='?([^,']+)")


class ParsedKernelLog(msgspec.Struct, frozen=True):
    """The lines of interest and the Xids, in the log's order, numbered from 1 as in the text."""

    lines: tuple[LogLine, ...]
    xids: tuple[Xid, ...]


def parse_kernel_log(text: str) -> ParsedKernelLog:
    """Pick out what concerns a GPU.

    [   22.200357] NVRM: Xid (PCI:0000:83:00): 119, pid=801, name=nv_open_q, Timeout after 6s of waiting for RPC ...
    [Fri Aug  9 13:00:56 2024] NVRM: Xid (PCI:0000:00:08): 94, pid='<unknown>', name=<unknown>, Contained: SM (0x1). ...
    Jun  6 15:56:01 node01 kernel: [ 2192.122073] NVRM: Xid (0000:01:00): 6, PE0001
    (drivers 570, 535, 295; dmesg of util-linux 2.38, dmesg -T, rsyslog)
    """
    lines: list[LogLine] = []
    xids: list[Xid] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        if not _INTEREST.search(raw):
            continue
        time, message = split_prefix(raw)
        lines.append(LogLine(number=number, text=f"[{time}] {message}"[:1000] if time else message[:1000]))
        xid = parse_xid(message, number, time)
        if xid is not None:
            xids.append(xid)
    return ParsedKernelLog(_ends(lines), _ends(xids))


def split_prefix(line: str) -> tuple[str, str]:
    """Split a log line into its time as printed ("" when there is none) and its message, without level and host.

    Jan 17 11:00:15 node01 kernel: NVRM: GPU 0000:01:00.0: GPU has fallen off the bus.
    kern  :err   : [   22.200339] NVRM: _kgspLogXid119: ... (util-linux 2.38, dmesg -x)
    """
    match = _PREFIX.match(line)
    if match is None:
        return "", line.strip()
    time = match["wall"] or match["clock"] or match["inner"] or ""
    return time.strip(), line[match.end() :].strip()


def parse_xid(message: str, line: int, time: str = "") -> Xid | None:
    """Read one Xid message; None for any other.

    NVRM: Xid (PCI:0000:01:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus. (driver 470 and later)
    NVRM: Xid (0000:03:00): 14, Channel 00000001 (before 350)
    """
    match = _XID.search(message)
    if match is None:
        return None
    address = _ADDRESS.search((match["place"] or "").removeprefix("PCI:"))
    rest = match["rest"] or ""
    pid = _PID.search(rest)
    process = _PROCESS.search(rest)
    name = process[1].strip() if process else ""
    return Xid(
        number=int(match["number"]),
        line=line,
        text=message[match.start() :][:1000],
        time=time,
        pci_address=address[0].lower() if address else "",
        pid=int(pid[1]) if pid else None,
        process="" if name == "<unknown>" else name,
    )


def _ends(items: list[LogLine] | list[Xid]) -> tuple:  # type: ignore[type-arg]
    half = KEPT // 2
    return tuple(items if len(items) <= KEPT else items[:half] + items[-half:])
