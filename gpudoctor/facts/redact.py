"""Take names, addresses, serial numbers and secrets out of a record before it leaves the machine.

The same secret becomes the same placeholder everywhere, a path keeps its shape, versions and the words that rules look
for stay: a redacted snapshot is judged as the original is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from gpudoctor.facts.fact import Record
from gpudoctor.facts.placeholders import Placeholders
from gpudoctor.facts.private_text import Identity, PrivateText
from gpudoctor.facts.snapshot import Snapshot

__all__ = ["Identity", "Redactor", "redact_record", "redact_snapshot"]

R = TypeVar("R", bound=Record)

# Fields of versions, product names and fixed words: names and addresses are not looked for in them, secrets are.
_VOCABULARY = frozenset(
    """
    arch_list architecture blacklisted_modules build built_cuda built_cudnn built_rocm channel clock_event_reasons code
    compute_capabilities compute_capability compute_mode cpu_flags cpu_model created cuda distribution_id
    distribution_like distribution_name docs driver driver_model fact flavour framework hides hip implementation
    init_error init_name kernel_release kind language libc loaded_modules lockdown manager mig_mode module operation
    os_name platform_tag proc_flavour requires risk root_cause runtime_cudnn schema severity soname state tegra_release
    verdict virtualization wheel_tags xpu
    """.split()
)
_NAMED_PRODUCTS = frozenset(
    "conda_packages devices dkms findings gpus host_compiler mig_instances packages pci_devices tool".split()
)
_OF_FACT = {"value", "source", "unknown"}


def redact_snapshot(snapshot: Snapshot, identity: Identity) -> Snapshot:
    """Return the snapshot without private data."""
    return Redactor(identity).record(snapshot)


def redact_record(record: R, identity: Identity) -> R:
    """Return any record (a report, a finding) without private data."""
    return Redactor(identity).record(record)


class Redactor:
    """Redacts records; keeps its placeholders, so that several records of one run agree."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._placeholders = Placeholders()

    def record(self, record: R) -> R:
        """Return the record with every string of it redacted; keys and numbers stay."""
        tree = msgspec.to_builtins(record)
        strings = list(_strings(tree, "", ""))
        self._placeholders.learn_uuids(text for text, _ in strings)
        taken = frozenset(text.lower() for text, is_vocabulary in strings if is_vocabulary)
        private = PrivateText(self._identity, self._placeholders, taken)
        return msgspec.convert(_walked(tree, "", "", private), type(record), strict=True)


def _is_vocabulary(field: str, owner: str) -> bool:
    return field in _VOCABULARY or field.endswith("version") or (field == "name" and owner in _NAMED_PRODUCTS)


def _is_fact(node: dict[str, Any]) -> bool:
    return "value" in node and set(node) <= _OF_FACT


def _strings(node: Any, field: str, owner: str) -> Iterator[tuple[str, bool]]:
    """Yield every string and whether its field holds fixed words; `owner` is the field that the record stands in."""
    if isinstance(node, str):
        yield node, _is_vocabulary(field, owner)
    elif isinstance(node, (list, tuple)):
        for item in node:
            yield from _strings(item, field, owner)
    elif isinstance(node, dict):
        for key, value in node.items():
            inner = (field, owner) if key == "value" and _is_fact(node) else (key, field)
            yield from _strings(value, *inner)


def _walked(node: Any, field: str, owner: str, private: PrivateText) -> Any:
    if isinstance(node, str):
        if field == "serial":
            return private.serial(node)
        return private.in_vocabulary(node) if _is_vocabulary(field, owner) else private.in_text(node)
    if isinstance(node, (list, tuple)):
        return [_walked(item, field, owner, private) for item in node]
    if not isinstance(node, dict):
        return node
    if field == "variables" and not _is_fact(node):
        return {name: private.of_variable(name, value) for name, value in node.items()}
    if _is_fact(node):
        of_fact = {key: _walked(text, key, field, private) for key, text in node.items() if key != "value"}
        return {"value": _walked(node["value"], field, owner, private), **of_fact}
    return {key: _walked(value, key, field, private) for key, value in node.items()}
