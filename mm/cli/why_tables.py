"""An explanation for people: a sentence for each quote, then the chain of gates, one line each.

Everything shown went through `printable`: what a venue said moves no cursor. Missing fields show as "-".
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from rich.text import Text

from mm.cli.shapes import Fields, age, number, table, tables, text, texts

STYLES = {"passed": "dim", "changed": "yellow", "stopped": "bold red"}
"""Of a line, by the verdict of its gate."""

OUTCOMES = {"kept": "green", "placed": "green", "moved": "cyan", "cancelled": "yellow", "waits": "yellow"}
"""Of a sentence, by what became of the quote; what is denied or withheld stands out."""

GATE_WIDTH, PLACE_WIDTH, VERDICT_WIDTH = 20, 6, 8


def why_lines(answer: Fields, *, with_gates: bool) -> Iterator[Text]:
    """Yield the lines of an answer to why. Args: with_gates: the chain as well as the sentences."""
    for made in tables(answer, "explained"):
        yield from _sentences(made)
        if with_gates:
            yield Text("")
            yield from _chain(made)
            yield from _around(made)
        yield Text("")
    if text(answer, "source") == "journal":
        yield _agreement(answer)


def order_lines(answer: Fields) -> Iterator[Text]:
    """Yield the lines of an order's life."""
    yield Text(f"order {text(answer, 'cid')}, run {text(answer, 'run')}", style="bold")
    for name in ("placed", "cancelled"):
        if answer.get(name):
            yield Text(f"{name:<10} because {text(answer, name)}")
    if answer.get("unexplained"):
        yield Text(f"not all is explained: {text(answer, 'unexplained')}", style="yellow")
    yield Text("")
    for one in tables(answer, "moments"):
        yield Text(f"{_clock(one, 'ts_ms')}  {text(one, 'what'):<20} {text(one, 'words', '')}".rstrip())


def _sentences(made: Fields) -> Iterator[Text]:
    head = f"{text(made, 'session')}  {text(made, 'symbol')}  {text(made, 'state')}: {text(made, 'reason')}"
    yield Text(head, style="bold")
    later = table(made, "later")
    if later:
        said = f"{text(later, 'state')}: {text(later, 'reason')}, without another decision"
        yield Text(f"then, at {_clock(later, 'ts_ms')}, {said}; before that:", style="bold yellow")
    if not tables(made, "quotes"):
        yield Text("no quote is wanted there, and no order of ours stands there", style="yellow")
    for quote in tables(made, "quotes"):
        yield Text(text(quote, "sentence"), style=OUTCOMES.get(text(quote, "outcome"), "bold red"))


def _chain(made: Fields) -> Iterator[Text]:
    for gate in tables(made, "gates"):
        verdict = text(gate, "verdict")
        side = text(gate, "side", "")
        level = gate.get("level")
        place = f"{side} {level}" if side and level is not None else side
        words = " ".join(part for part in (_change(gate), text(gate, "words", "")) if part)
        line = f"{text(gate, 'gate'):<{GATE_WIDTH}} {place:<{PLACE_WIDTH}} {verdict:<{VERDICT_WIDTH}} {words}"
        yield Text(line.rstrip(), style=STYLES.get(verdict, ""))


def _change(gate: Fields) -> str:
    before, after = _pair(gate, "before"), _pair(gate, "after")
    if before and after and before != after:
        return f"{before} -> {after}:"
    if before and not after:
        return f"{before} -> nothing:"
    return f"{after}:" if after else ""


def _pair(gate: Fields, name: str) -> str:
    pair = texts(gate, name)
    return f"{pair[0]} x {pair[1]}" if len(pair) == 2 else ""


def _around(made: Fields) -> Iterator[Text]:
    last, halt = table(made, "last_decision"), table(made, "halt")
    if halt:
        facts = ", ".join(f"{key} {text(halt, key)}" for key in halt if key != "ts_ms")
        yield Text(f"halted at {_clock(halt, 'ts_ms')}: {facts}", style="bold red")
    said = [f"decided {_clock(made, 'decided_ms')} UTC"]
    if last:
        said = [f"decided for this answer, {text(made, 'took_ms')} ms, nothing was sent"]
        said.append(f"last decision {age(number(last, 'age_ms'))} ago: {text(last, 'reason')}")
    if made.get("since_ms"):
        said.append(f"{text(made, 'state')} since {_clock(made, 'since_ms')}")
    said.append(text(made, "next"))
    yield Text("; ".join(said), style="dim")
    for command in texts(made, "commands"):
        yield Text(f"  {'would ' if last else ''}{command}", style="dim")


def _agreement(answer: Fields) -> Text:
    named = {name: text(answer, name) for name in ("run", "records", "commands", "records_per_s")}
    counts = "{records} records, {commands} commands, {records_per_s} records/s".format_map(named)
    difference = table(answer, "difference")
    if not difference:
        return Text(f"run {named['run']}: journal and computation agree ({counts})", style="dim")
    parts = f"run {named['run']}: journal and computation part at {_clock(difference, 'ts_ms')}: "
    both = f"recorded {text(difference, 'recorded')}, computed {text(difference, 'computed')}; "
    warning = "what is told here is computed, and may not be what was decided"
    return Text(parts + both + warning, style="bold red")


def _clock(fields: Fields, name: str) -> str:
    value = number(fields, name)
    if value is None or not 0 < value < 10**14:
        return "-"
    return f"{datetime.fromtimestamp(float(value) / 1000, UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3]
