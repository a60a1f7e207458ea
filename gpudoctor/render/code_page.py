"""The pages of `explain`: a code's documentation, and what a CUDA error or Xid number means, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gpudoctor.knowledge.errors import CudaError, old_runtime_error
from gpudoctor.knowledge.xids import XidMeaning
from gpudoctor.rules.registry import find_rule
from gpudoctor.rules.rule import Rule

_STICKY = {
    "none": "The process can go on.",
    "context": "The process cannot use the GPU any more; a new process can.",
    "device": "Other processes are hit too, until the GPU is reset or the machine restarted.",
}
_XID_SEVERITY = {
    "app_fatal": "The process dies, the GPU stays usable.",
    "gpu_fatal": "The GPU is unusable until it is reset or the machine restarted.",
    "vm_fatal": "The guest must be restarted.",
    "degraded": "The GPU works with less than before.",
    "follow_up": "It follows from another Xid: look at the first one.",
    "information": "It asks for nothing by itself.",
    "none": "Nothing stops.",
    "varies": "How bad it is depends on its sub code or on the Xids beside it.",
}
# Which codes of gpudoctor speak of a CUDA error number; the order is the order in which to look.
_CODES_OF_CUDA_ERROR: dict[int, tuple[str, ...]] = {
    2: ("MEM001", "MEM002", "MEM003"),
    3: ("RUN004", "DRV013"),
    34: ("CUD003",),
    35: ("CUD001", "CTR001", "VND001"),
    36: ("CUD001",),
    46: ("DRV015",),
    98: ("CUD007",),
    100: ("CUD009", "DRV002", "CTR001"),
    101: ("CUD009", "DRV014"),
    200: ("CUD007",),
    209: ("CUD007",),
    214: ("HWD003",),
    217: ("RUN003",),
    218: ("CUD008",),
    220: ("HWD007",),
    222: ("CUD008",),
    226: ("HWD003",),
    304: ("DRV007",),
    700: ("RUN002",),
    710: ("RUN001",),
    719: ("RUN002", "HWD001"),
    800: ("DRV007", "DRV015"),
    802: ("DRV011",),
    803: ("CUD013", "DRV003"),
    804: ("CUD002",),
    919: ("DRV011",),
    999: ("DRV010", "DRV013"),
}
_CODES_OF_XID: dict[int, tuple[str, ...]] = {
    79: ("HWD002",),
    **dict.fromkeys((48, 63, 64, 92, 94, 95), ("HWD003",)),
    **dict.fromkeys((74, *range(144, 151)), ("HWD007",)),
}
_FATAL_XID = ("HWD001",)


class Page(msgspec.Struct, frozen=True):
    """A page of documentation; severity is "" where the word does not apply."""

    code: str
    name: str
    severity: str
    text: str  # Markdown


def page_of_rule(rule: Rule) -> Page:
    """Return the page of a code."""
    lines = [
        f"# {rule.code} {rule.name}",
        "",
        f"*Severity: {rule.severity.value}. Judged by: {rule.reads}.*",
        "",
        rule.documentation.strip(),
    ]
    if rule.hides:
        lines += [
            "",
            "## What it explains",
            "",
            "Found together with these, it is the cause and they are not shown:",
            "",
        ]
        lines += _code_lines(rule.hides)
    return Page(rule.code, rule.name, rule.severity.value, "\n".join(lines) + "\n")


def page_of_cuda_error(error: CudaError, number: int | None = None) -> Page:
    """Return the page of a CUDA error; `number` where another one was asked for, by which old runtimes meant it."""
    asked = error.code if number is None else number
    name = error.runtime_name or error.driver_name or "no public name"
    names = [f"Runtime API: `{error.runtime_name}`"] if error.runtime_name else []
    names += [f"Driver API: `{error.driver_name}`"] if error.driver_name else []
    lines = [f"# CUDA error {error.code}: {name}", ""]
    kind = (error.kind or "not classified").replace("_", " ")
    lines += [f"*{'; '.join(names) or 'No name in the public headers'}. Kind: {kind}.*"]
    lines += _old_numbers(asked, error)
    lines += ["", "## What it means for the process", "", _STICKY.get(error.sticky or "", "Not known for this number.")]
    lines += ["", "## What causes it, and what tells the causes apart", ""]
    lines += [
        f"- {cause.cause}" + (f" (shown by: {cause.tell_apart})" if cause.tell_apart else "") for cause in error.causes
    ]
    lines += [] if error.causes else ["No cause is on record for this number; the text beside it says more."]
    lines += _concerned(_CODES_OF_CUDA_ERROR.get(error.code, ()))
    return Page(f"cuda:{asked}", name, "", "\n".join(lines) + "\n")


def _old_numbers(asked: int, error: CudaError) -> list[str]:
    """Say what a runtime before CUDA 10.1 meant by the number, where that was something else."""
    old = old_runtime_error(asked)
    if old is None or (old.code == asked == error.code):
        return []
    if asked != error.code:
        return ["", f"CUDA runtimes before 10.1 gave {asked} for this error; its number today is {error.code}."]
    return [
        "",
        f"CUDA runtimes before 10.1 meant {old.runtime_name} by {asked}: see `gpudoctor explain cuda:{old.code}`.",
    ]


def page_of_xid(meaning: XidMeaning) -> Page:
    """Return the page of an Xid number of the kernel log."""
    name = meaning.meaning or meaning.mnemonic or "no public meaning"
    lines = [f"# Xid {meaning.number}: {name}", ""]
    lines += [
        f"*NVIDIA's name: `{meaning.mnemonic or 'none'}`. An Xid is an error that the driver writes to the kernel log.*"
    ]
    lines += ["", "## How bad it is", "", _XID_SEVERITY.get(meaning.severity or "", "Not classified.")]
    lines += [
        "",
        "## Where it comes from",
        "",
        ", ".join(word.replace("_", " ") for word in meaning.origin) or "Not known.",
    ]
    lines += ["", "## What to do", "", _sentence(meaning.action or "nothing is on record for this number")]
    lines += ["", _sentence(meaning.note)] if meaning.note else []
    lines += _concerned(_codes_of_xid(meaning))
    return Page(f"xid:{meaning.number}", name, "", "\n".join(lines) + "\n")


def _sentence(words: str) -> str:
    """Return a table's words as a sentence; names such as nvidia-smi keep their small letter."""
    first = words.partition(" ")[0]
    return (words[0].upper() + words[1:] if first.isalpha() else words).rstrip(".") + "."


def _codes_of_xid(meaning: XidMeaning) -> tuple[str, ...]:
    is_fatal = meaning.severity in ("app_fatal", "gpu_fatal", "vm_fatal")
    return _CODES_OF_XID.get(meaning.number, _FATAL_XID if is_fatal else ())


def _concerned(codes: Sequence[str]) -> list[str]:
    head = ["", "## What gpudoctor says of it", ""]
    if not codes:
        return [*head, "No code stands for this number alone; `gpudoctor check` looks at what is around it."]
    advice = "`gpudoctor check` tells which of them applies on this machine; `gpudoctor explain CODE` says more."
    return [*head, *_code_lines(codes), "", advice]


def _code_lines(codes: Sequence[str]) -> list[str]:
    lines = []
    for code in codes:
        rule = find_rule(code)
        lines.append(f"- {code}" + (f" {rule.name}: {summary(rule)}" if rule is not None else ""))
    return lines


def summary(rule: Rule) -> str:
    """Return what a code means, in one sentence: the first line of its page."""
    return rule.documentation.strip().partition("\n")[0]
