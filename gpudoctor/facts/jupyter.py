"""Jupyter kernelspecs, the broken ones too."""

from __future__ import annotations

from gpudoctor.facts.fact import Record


class KernelSpec(Record, frozen=True, kw_only=True):
    """One kernel.json."""

    name: str
    path: str  # of kernel.json
    display_name: str = ""
    argv: tuple[str, ...] = ()
    language: str = ""
    error: str = ""  # why the file cannot be read, "" = it can
    interpreter: str = ""  # argv[0] resolved; "" = not found
    is_interpreter_relative: bool = False  # argv[0] without a path: whichever `python` the server finds
    has_ipykernel: bool | None = None  # None: not looked
    environment: str = ""  # folder of the environment that it runs
    is_shadowed: bool = False  # another spec of this name comes first
