"""Write a fact's value on one line, as a person reads it."""

from __future__ import annotations

import msgspec

from gpudoctor.facts.fact import Fact, Record

_HEX_FIELDS = {"vendor_id": 4, "device_id": 4, "subsystem_vendor_id": 4, "subsystem_device_id": 4, "class_code": 6}


def shown(value: object) -> str:
    """Return any value on one line: yes and no, none, lists with commas, records without fields at their default."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Fact):
        return f"not known ({value.unknown})" if value.is_unknown else shown(value.peek())
    if isinstance(value, Record):
        return value.in_words() or _record(value)
    if isinstance(value, (tuple, list)):
        separator = "; " if value and isinstance(value[0], Record) else ", "
        return separator.join(shown(item) for item in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name}={shown(item)}" for name, item in value.items()) or "none"
    return str(value)


def _record(record: Record) -> str:
    """Return `field=value` for what is set; numbers of the PCI bus as they are written everywhere else."""
    said = []
    for field in msgspec.structs.fields(record):
        name, value = field.name, getattr(record, field.name)
        if value == field.default or value in ("", ()) or value is None:
            continue
        said.append(f"{name}=0x{value:0{_HEX_FIELDS[name]}x}" if name in _HEX_FIELDS else f"{name}={shown(value)}")
    return " ".join(said)
