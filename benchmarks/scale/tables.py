"""The tables of `docs/scale.md`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from benchmarks.scale.schedule import Chance
from benchmarks.scale.simulate import Machine, Workload, busy_share, dollars, simulate, task_records
from pipelines.cost import Prices, Rates

BEGIN, END = "<!-- {}: written by python -m benchmarks.scale -->", "<!-- end of {} -->"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def rates_table(rates: Rates) -> str:
    """Return what each stage takes."""
    rows = [
        (
            name + (" (one process)" if rate.serial else ""),
            *(f"{rate.cpu_us:,.1f}", f"{rate.task_seconds:,.2f}", f"{rate.shuffled:,.0f}", f"{rate.stored:,.0f}"),
            *(f"{rate.memory:,.0f}", rate.rounds),
        )
        for name, rate in rates.stages.items()
    ]
    columns = ("cpu_us", "shuffled", "stored", "rounds")
    cpu, shuffled, stored, rounds = (sum(getattr(rate, name) for rate in rates.stages.values()) for name in columns)
    rows.append(("all", f"{cpu:,.1f}", "", f"{shuffled:,.0f}", f"{stored:,.0f}", "", rounds))
    header = ("stage", "µs a record", "s a task", "bytes shuffled", "bytes stored", "memory, bytes", "rounds")
    text = f"Measured: {rates.measured}. Their texts have {rates.text_bytes:,.0f} bytes a record"
    return f"{text}; {shuffled / rates.text_bytes:.1f} times as much is shuffled.\n\n{table(header, rows)}"


def runs_table(
    workloads: Sequence[Workload], machines: Sequence[Machine], rates: Rates, prices: Prices, chance: Chance
) -> str:
    """Return what each workload takes on each machine."""
    rows = []
    for work in workloads:
        for machine in machines:
            found = simulate(work, machine, rates, chance)
            rows.append(
                (
                    f"{work.records / 1e6:,.0f} million",
                    machine.name,
                    f"{found.wall / 3600:,.2f}",
                    f"{found.alone_seconds / 3600:,.2f}",
                    f"{found.busy_seconds / 3600:,.1f}",
                    f"{busy_share(found, machine):.0%}",
                    f"{found.shuffled / 1e9:,.0f}",
                    f"{found.stored / 1e9:,.0f}",
                    f"{found.memory / 1e9:,.2f}",
                    f"{dollars(found, machine, prices):,.2f}",
                )
            )
    header = ("records", "where", "hours", "of one process", "core hours", "cores busy", "GB shuffled", "GB stored")
    return table((*header, "GB a process", "US dollars"), rows)


def skew_table(workloads: Sequence[Workload], machine: Machine, rates: Rates, chance: Chance) -> str:
    """Return what it means that large languages are cut and small ones joined."""
    rows = []
    for work in workloads:
        for cut in (False, True):
            this = replace(work, cut=cut)
            found = simulate(this, machine, rates, chance)
            name = this.by_language[-1]
            records = task_records(this, name, rates.stages[name])
            rows.append(
                (
                    f"{work.records / 1e6:,.0f} million",
                    "large ones cut, small ones joined" if cut else "whole, by hash",
                    len(records),
                    f"{records.max() / 1e6:,.2f} million",
                    f"{records.max() / records.mean():,.1f}",
                    f"{sum(found.seconds[each] for each in this.by_language) / 3600:,.2f}",
                    f"{found.memory / 1e9:,.2f}",
                )
            )
    header = (
        "records",
        "languages",
        "tasks",
        "largest task",
        "largest / mean",
        "hours of these stages",
        "GB a process",
    )
    return table(header, rows)


def put(document: str, name: str, text: str) -> str:
    """Replace what a document has between the marks of a table.

    Raises:
        ValueError: if the marks are not there, once each and in order.
    """
    begin, end = BEGIN.format(name), END.format(name)
    if document.count(begin) != 1 or document.count(end) != 1 or document.index(begin) > document.index(end):
        raise ValueError(f"the document needs `{begin}` and later `{end}`, once each")
    before, _, rest = document.partition(begin)
    return f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}"
