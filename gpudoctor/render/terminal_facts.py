"""All facts with their sources, for --verbose."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from gpudoctor.facts.fact import Fact, Record
from gpudoctor.facts.snapshot import Snapshot, named_facts
from gpudoctor.facts.wording import shown
from gpudoctor.knowledge.tables import as_of
from gpudoctor.render.terminal_layout import wrapped


def fact_lines(snapshot: Snapshot, width: int) -> Iterator[Text]:
    """Yield one entry a fact: name = value (source), or why it is not known."""
    yield Text()
    yield Text("Facts", style="bold")
    for number, environment in enumerate(snapshot.environments):
        said = f"environments[{number}] is {environment.path}, asked by {environment.interpreter}"
        yield from (Text(line) for line in wrapped(said, width, "  ", "    "))
    for name, fact in named_facts(snapshot):
        yield from (Text(line) for line in _fact(name.removeprefix("machine."), fact, width))
    yield Text()
    yield Text(f"Judged by tables of {as_of()}")


def _fact(name: str, fact: Fact[object], width: int) -> Iterator[str]:
    source = f" ({fact.source})" if fact.source else ""
    if fact.is_unknown:
        yield from wrapped(f"{name}: not known, {fact.unknown}{source}", width, "  ", "    ")
        return
    value = fact.peek()
    if isinstance(value, tuple) and value and isinstance(value[0], Record):
        yield from wrapped(f"{name}: {len(value)}{source}", width, "  ", "    ")
        for item in value:
            yield from wrapped(f"- {shown(item)}", width, "    ", "      ")
        return
    yield from wrapped(f"{name} = {shown(value)}{source}", width, "  ", "    ")
