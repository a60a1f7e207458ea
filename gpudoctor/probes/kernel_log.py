"""The kernel log, where it may be read."""

from __future__ import annotations

from gpudoctor.facts.fact import known, unknown
from gpudoctor.facts.kernel_log import KernelLog
from gpudoctor.parsers.kernel_log import parse_kernel_log
from gpudoctor.probes.host import Answer, Host
from gpudoctor.probes.tree import ONLY_LINUX, is_linux, read_text

_JOURNAL = ("journalctl", "-k", "-b", "--no-pager", "-o", "short-monotonic")
_FILES = ("/var/log/dmesg", "/var/log/kern.log")


def probe_kernel_log(host: Host) -> KernelLog:
    """Read dmesg, then the journal, then the log files of a foreign root; unknown where none of them may be read."""
    if not is_linux(host):
        return KernelLog(lines=unknown(ONLY_LINUX), xids=unknown(ONLY_LINUX))
    half = host.timeout_seconds / 2  # of the probe's deadline for each command
    dmesg = host.run(["dmesg"], half)
    if dmesg.is_ok:
        return _log(dmesg.stdout, "dmesg")
    journal = host.run(_JOURNAL, half)
    if _has_messages(journal):
        return _log(journal.stdout, "journalctl -k -b")
    if not host.is_live:
        for path in _FILES:
            try:
                text = read_text(host, path)
            except OSError:
                continue
            if text is not None:
                return _log(text, path)
    reason = f"dmesg: {_why_refused(dmesg)}; journalctl: {_why_refused(journal)}"
    return KernelLog(lines=unknown(reason, "dmesg"), xids=unknown(reason, "dmesg"))


def _has_messages(journal: Answer) -> bool:
    """Whether the journal gave messages: it ends with 0, too, where this user may see none."""
    lines = [line for line in journal.stdout.splitlines()[:20] if line.strip() and not line.startswith("-- ")]
    return journal.is_ok and bool(lines)


def _why_refused(answer: Answer) -> str:
    """Return the command's own words, without its name twice: "Operation not permitted"."""
    if answer.failure:
        return answer.failure
    said = (answer.stderr or answer.stdout).strip().splitlines()
    return said[-1].removeprefix(f"{answer.argv[0]}: ")[:200] if said else answer.why_not


def _log(text: str, source: str) -> KernelLog:
    parsed = parse_kernel_log(text)
    return KernelLog(lines=known(parsed.lines, source), xids=known(parsed.xids, source))
