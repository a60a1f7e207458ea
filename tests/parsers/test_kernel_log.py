from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpudoctor.parsers.kernel_log import KEPT, parse_kernel_log, parse_xid, split_prefix

DMESG = """\
[    0.000000] Linux version 6.8.0-45-generic (buildd@lcy02-amd64-115)
[    2.810115] pci 0000:01:00.0: BAR 1 [mem size 0x10000000 64bit pref]: can't assign; no space
[    5.435274] nouveau 0000:01:00.0: enabling device (0000 -> 0003)
[    6.100000][  T312] nvidia: module verification failed: signature and/or required key missing - tainting kernel
[   22.200357] NVRM: Xid (PCI:0000:83:00): 119, pid=801, name=nv_open_q, Timeout after 6s of waiting for RPC response
[   30.000000] usb 1-1: new high-speed USB device number 2 using xhci_hcd
"""


def test_lines_of_interest_keep_their_numbers() -> None:
    parsed = parse_kernel_log(DMESG)
    assert [line.number for line in parsed.lines] == [2, 3, 4, 5]
    assert parsed.lines[2].text.startswith("[6.100000] nvidia: module verification failed")
    (xid,) = parsed.xids
    assert (xid.number, xid.line, xid.pci_address, xid.pid, xid.process) == (119, 5, "0000:83:00", 801, "nv_open_q")
    assert xid.time == "22.200357"


@pytest.mark.parametrize(
    ("line", "time", "message"),
    [
        ("[Fri Aug  9 13:00:56 2024] NVRM: a", "Fri Aug  9 13:00:56 2024", "NVRM: a"),
        ("Jan 17 11:00:15 node01 kernel: NVRM: a", "Jan 17 11:00:15", "NVRM: a"),
        ("Jun  6 15:56:01 node01 kernel: [ 2192.122073] NVRM: a", "Jun  6 15:56:01", "NVRM: a"),
        ("[   22.200339] node01 kernel: NVRM: a", "22.200339", "NVRM: a"),
        ("2024-05-20T02:00:01+00:00 node01 kernel: NVRM: a", "2024-05-20T02:00:01+00:00", "NVRM: a"),
        ("2024-01-15T03:00:00,000000+00:00 NVRM: a", "2024-01-15T03:00:00,000000+00:00", "NVRM: a"),
        ("kern  :err   : [   22.200339] NVRM: a", "22.200339", "NVRM: a"),
        (" kern: warning: [2024-05-20T02:00:01Z]: NVRM: a", "2024-05-20T02:00:01Z", "NVRM: a"),
        ("<4>[   22.200339] NVRM: a", "22.200339", "NVRM: a"),
        ("kernel: NVRM: a", "", "NVRM: a"),
        ("nouveau: probe: failed", "", "nouveau: probe: failed"),
        ("NVRM:  information.  The 396.26 NVIDIA driver", "", "NVRM:  information.  The 396.26 NVIDIA driver"),
    ],
)
def test_prefixes(line: str, time: str, message: str) -> None:
    assert split_prefix(line) == (time, message)


@pytest.mark.parametrize(
    ("text", "number", "address", "pid", "process"),
    [
        (
            "NVRM: Xid (PCI:0000:01:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
            *(79, "0000:01:00", None, ""),
        ),
        ("NVRM: Xid (PCI:0000:01:00): 79, pid=1234, name=python, GPU has fallen", 79, "0000:01:00", 1234, "python"),
        ("NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus.", 79, "0000:01:00", None, ""),
        ("NVRM: Xid (0000:03:00): 14, Channel 00000001", 14, "0000:03:00", None, ""),
        ("NVRM: Xid (0000:05): 6, PE0002 0184 beef0201", 6, "0000:05", None, ""),
        ("NVRM: Xid (PCI:0000:3B:00 GPU-I:05): 94, pid=7194, Contained: CE User", 94, "0000:3b:00", 7194, ""),
        ("NVRM: Xid: 13, Graphics Exception", 13, "", None, ""),
    ],
)
def test_every_generation_of_xids(text: str, number: int, address: str, pid: int | None, process: str) -> None:
    xid = parse_xid(text, line=7)
    assert xid is not None
    assert (xid.number, xid.pci_address, xid.pid, xid.process, xid.line) == (number, address, pid, process, 7)


def test_no_xid() -> None:
    assert parse_xid("nvidia-nvswitch0: SXid (PCI:0000:00:00.0): 11001, Fatal, ingress invalid command", 1) is None
    assert parse_xid("NVRM: GPU at PCI:0000:01:00: GPU-34d7319c-5b19-1e75-186d-c187099e4fe5", 1) is None


def test_a_flood_keeps_both_ends() -> None:
    parsed = parse_kernel_log("\n".join(f"NVRM: Xid (PCI:0000:01:00): 31, pid={pid}" for pid in range(3 * KEPT)))
    assert len(parsed.lines) == len(parsed.xids) == KEPT
    assert (parsed.xids[0].pid, parsed.xids[-1].pid) == (0, 3 * KEPT - 1)


@given(st.text() | st.text(alphabet="NVRMXid (PCI:0):79,pid=[].'<>\n"))
def test_never_raises(text: str) -> None:
    assert len(parse_kernel_log(text).lines) <= KEPT
