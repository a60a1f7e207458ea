#!/usr/bin/env python3
"""Prove gpudoctor on a machine with an NVIDIA GPU: run `check` there and compare its facts with what others say.

    python scripts/gpu_acceptance.py [--python PYTHON] [--write]

`--python`: the interpreter of an environment with torch (default: python3 on PATH). Compares driver, GPUs, memory and
capability with `nvidia-smi`, and the framework facts with torch itself; runs real kernels (`check --deep`). Exit 0: all
agree; 1: something differs; 3: there is no GPU here, so that nothing was measured. `--write` puts the figures into
docs/benchmarks.md. Settings of the card are only read.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
PAGE = PROJECT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- gpu: begin -->", "<!-- gpu: end -->"
QUERY = "index,name,driver_version,compute_cap,memory.total,pci.bus_id,pcie.link.width.max,mig.mode.current"
TORCH_SAYS = (
    "import json, torch; print(json.dumps({'version': torch.__version__, 'cuda': torch.version.cuda,"
    " 'available': torch.cuda.is_available(), 'archs': torch.cuda.get_arch_list(),"
    " 'capability': ['%d.%d' % torch.cuda.get_device_capability(i) for i in range(torch.cuda.device_count())]}))"
)
REPEATS = 7


@dataclass(frozen=True)
class Comparison:
    """One fact from gpudoctor and from somebody else."""

    what: str
    ours: str
    theirs: str

    @property
    def agrees(self) -> bool:
        """Whether both say the same."""
        return self.ours == self.theirs


def check(arguments: list[str]) -> dict[str, Any]:
    """Run `gpudoctor check --format json` and return its report."""
    command = [sys.executable, "-m", "gpudoctor", "check", "--format", "json", "--no-redact", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def value(fact: dict[str, Any]) -> str:
    """Return a fact's value as text, or why it is unknown."""
    return str(fact.get("value")) if not fact.get("unknown") else f"unknown: {fact['unknown']}"


def smi_rows() -> list[dict[str, str]]:
    """Return nvidia-smi's own answer, a row a GPU."""
    command = ["nvidia-smi", f"--query-gpu={QUERY}", "--format=csv,noheader,nounits"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [
        dict(zip(QUERY.split(","), [cell.strip() for cell in row], strict=True))
        for row in csv.reader(done.stdout.splitlines())
    ]


def compare_gpus(machine: dict[str, Any]) -> list[Comparison]:
    """Compare the GPUs and the driver with nvidia-smi."""
    rows = smi_rows()
    gpus = machine["gpus"]["value"] or []
    comparisons = [
        Comparison("number of GPUs", str(len(gpus)), str(len(rows))),
        Comparison("driver", value(machine["driver"]["NVML"]["driver_version"]), rows[0]["driver_version"]),
    ]
    for gpu, row in zip(gpus, rows, strict=False):
        mib = str(int(gpu["memory_total_bytes"]["value"]) // 1024**2)
        comparisons += [
            Comparison(f"GPU {row['index']} name", value(gpu["name"]), row["name"]),
            Comparison(f"GPU {row['index']} capability", value(gpu["compute_capability"]), row["compute_cap"]),
            Comparison(f"GPU {row['index']} memory, MiB", mib, row["memory.total"]),
            Comparison(f"GPU {row['index']} most PCIe lanes", value(gpu["pcie_width_max"]), row["pcie.link.width.max"]),
        ]
    return comparisons


def compare_torch(report: dict[str, Any], python: str) -> list[Comparison]:
    """Compare the framework facts with torch itself; none where the environment has no torch."""
    done = subprocess.run([python, "-c", TORCH_SAYS], capture_output=True, text=True, check=False)
    if done.returncode:
        return []
    says = json.loads(done.stdout.splitlines()[-1])
    runs = [run for environment in report["snapshot"]["environments"] for run in environment.get("runs", [])]
    run = next(run for run in runs if run["framework"] == "torch")
    kernels = run["kernel_runs"]["value"] or []
    right = [kernel for kernel in kernels if kernel.get("is_correct")]
    return [
        Comparison("torch", value(run["version"]), says["version"]),
        Comparison("torch's CUDA", value(run["built_cuda"]), str(says["cuda"])),
        Comparison("torch's code", ",".join(run["arch_list"]["value"] or []), ",".join(says["archs"])),
        Comparison("a GPU is available to torch", value(run["is_gpu_available"]), str(says["available"])),
        Comparison("kernels that agree with the CPU", str(len(right)), str(3 * len(says["capability"]))),
    ]


def times(arguments: list[str]) -> str:
    """Return the median and the spread of `check`'s wall time."""
    taken = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        check(arguments)
        taken.append(time.perf_counter() - start)
    return f"{statistics.median(taken[1:]):.2f} s ({min(taken[1:]):.2f} to {max(taken[1:]):.2f})"


def table(comparisons: list[Comparison], verdict: str, figures: dict[str, str]) -> str:
    """Return everything as Markdown."""
    rows = [f"| {item.what} | {item.ours} | {item.theirs} | {'yes' if item.agrees else 'NO'} |" for item in comparisons]
    rows += [f"| {what} | {took} | | |" for what, took in figures.items()]
    head = ["| fact | gpudoctor | nvidia-smi or torch | agrees |", "| --- | --- | --- | --- |"]
    return "\n".join([BEGIN, f"Verdict of `check --deep`: {verdict}.", "", *head, *rows, END])


def main() -> int:
    """Compare, print, and write when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=shutil.which("python3"))
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if (
        shutil.which("nvidia-smi") is None
        or subprocess.run([str(shutil.which("nvidia-smi")), "-L"], check=False, capture_output=True).returncode
    ):
        print("no NVIDIA GPU answers here: nothing was measured", file=sys.stderr)
        return 3
    here = ["--python", options.python]
    report = check([*here, "--deep"])
    comparisons = compare_gpus(report["snapshot"]["machine"]) + compare_torch(report, options.python)
    figures = {
        "`check --no-import`": times([*here, "--no-import"]),
        "`check`": times(here),
        "`check --deep`": times([*here, "--deep"]),
    }
    text = table(comparisons, report["verdict"], figures)
    print(text)
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(page.split(BEGIN)[0] + text + page.split(END)[1], encoding="utf-8")
    return 0 if all(item.agrees for item in comparisons) and not report["crashed"] else 1


if __name__ == "__main__":
    sys.exit(main())
