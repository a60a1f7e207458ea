"""What the nvidia-smi command says: a second witness beside NVML, and the one that users quote."""

from __future__ import annotations

from gpudoctor.facts.driver import Smi
from gpudoctor.facts.fact import Fact, absent, known, unknown
from gpudoctor.parsers.nvidia_smi import Banner, parse_banner, parse_complaint
from gpudoctor.probes.host import Host

_NO_BANNER = Banner("", "", "")


def probe_smi(host: Host) -> Fact[Smi]:
    """Run nvidia-smi as found on PATH. Absent: there is none; unknown: it could not be run, hung or crashed."""
    path = host.which("nvidia-smi")
    if path is None:
        return absent("nvidia-smi is not on PATH")
    answer = host.run([path])
    if answer.exit_code is None:
        failure = answer.failure or f"was killed by {answer.signal_name}"
        return unknown(f"nvidia-smi {failure}", path)
    banner = parse_banner(answer.stdout)
    said = banner or _NO_BANNER
    smi = Smi(
        path=path,
        exit_code=answer.exit_code,
        driver_version=said.driver_version,
        cuda_version=said.cuda_version,
        smi_version=said.smi_version,
        message=parse_complaint(f"{answer.stdout}\n{answer.stderr}"),
        is_table=banner is not None,
    )
    return known(smi, path)
