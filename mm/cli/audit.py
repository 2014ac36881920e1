"""The verb `mm audit`: who changed what, when, from where; and whether that record is whole.

Invariant: it reads only; exit code 0 of `--verify` means that every chain, every change of the latch and
every config in force has its record, 9 that something does not fit.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mm.cli.progress import progress_bar
from mm.cli.terminal import NS_PER, Terminal, duration_ns, printable, verb
from mm.errors import EXIT_CHECK_FAILED, UsageError

if TYPE_CHECKING:
    from mm.bootstrap.records.audit import Fact
    from mm.store.journal.anchor import Anchor

Places = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="DATA_DIR|RUN:SEQ:DIGEST",
        help="The directory, else the one under ./var; and with --verify --anchor, what has to be in it.",
        show_default=False,
    ),
]
Since = Annotated[
    str, typer.Option("--since", metavar="WHEN", help="Leave out what is older: 2026-01-31 (UTC), or 2h, 7d.")
]


@verb
def audit(
    terminal: Terminal,
    *,
    places: Places = None,
    since: Since = "",
    verify: Annotated[
        bool, typer.Option("--verify", help="Check that the record is whole; exit 9 if it is not.")
    ] = False,
    anchor: Annotated[
        bool,
        typer.Option(
            "--anchor", help="Tell the newest digest, to be kept elsewhere; with --verify, check it."
        ),
    ] = False,
) -> None:
    """Who changed what, when, from where: operators, configs, halts, starts and ends, balances.

    Examples: mm audit var/demo --since 7d; mm audit --anchor >> elsewhere; mm audit --verify
    """
    from mm.store.journal.anchor import is_anchor, read_anchor

    words = places or []
    anchors = [read_anchor(word) for word in words if is_anchor(word)]
    where = _data_dir([word for word in words if not is_anchor(word)])
    if anchors and not (verify and anchor):
        raise UsageError("an anchor is checked with --verify --anchor", hint="mm audit --verify --anchor ...")
    if verify:
        if anchor and not anchors:
            raise UsageError("--verify --anchor needs what to check", hint="add RUN:SEQ:DIGEST")
        _verify(terminal, where, anchors)
    elif anchor:
        _tell_anchor(terminal, where)
    else:
        _list(terminal, where, _since_ns(since))


def _data_dir(words: list[str]) -> Path:
    from mm.cli.client import known_dir

    if len(words) > 1:
        raise UsageError(f"unexpected {words[1]!r}", hint="one data directory, then RUN:SEQ:DIGEST")
    return known_dir(Path(words[0]) if words else None)


def _since_ns(text: str) -> int:
    if not text:
        return 0
    now = datetime.now(UTC)
    try:
        return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()) * NS_PER["s"]
    except ValueError:
        pass
    try:
        return int(now.timestamp()) * NS_PER["s"] - duration_ns(text)
    except typer.BadParameter:
        raise UsageError(f"--since was {text[:40]!r}, expected a date as 2026-01-31, or 2h, 7d") from None


def _list(terminal: Terminal, where: Path, since_ns: int) -> None:
    from mm.bootstrap.records.audit import Trail

    trail, told = Trail(where, since_ns=since_ns), []
    for fact in trail:
        if terminal.as_json:
            told.append(fact.as_dict())
        else:
            print(_words(fact))
    for problem in trail.damaged:
        terminal.say(f"damaged: {problem}")
    terminal.result({"ok": not trail.damaged, "facts": told, "damaged": trail.damaged})
    if trail.damaged:
        raise typer.Exit(EXIT_CHECK_FAILED)


def _words(fact: "Fact") -> str:
    from mm.store.projection.facts import utc_text

    detail = "; ".join(
        f"{key} {_short(value)}" for key, value in fact.detail.items() if value not in ("", [], None)
    )
    who = f" by {fact.who}" if fact.who else ""
    session = f" [{fact.session}]" if fact.session else ""
    place = f"{fact.run}:{fact.seq}" if fact.seq else fact.run
    return printable(f"{utc_text(fact.ts_ns)}  {place:<30}  {fact.what}{session}{who}  {detail}".rstrip())


def _short(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    text = str(value)
    # Digests are told whole in --json.
    return text[:12] if len(text) == 64 and not text.strip("0123456789abcdef") else text


def _verify(terminal: Terminal, where: Path, anchors: "list[Anchor]") -> None:
    from mm.bootstrap.records.audit_check import AuditCheck
    from mm.bootstrap.records.rebuild import journal_bytes
    from mm.store.journal.layout import runs

    with progress_bar(terminal, "verifying", journal_bytes(runs(where))) as progress:
        found = AuditCheck(where).run(anchors, progress=progress)
    if not terminal.as_json and not terminal.quiet:
        for remark in found.remarks:
            print(f"remark    {printable(remark)}")
        for problem in found.problems:
            print(f"PROBLEM   {printable(problem.what)}")
            if problem.hint:
                print(f"hint      {problem.hint}")
        verdict = "whole" if not found.problems else f"{len(found.problems)} problems"
        print(
            f"audit     {verdict}: {found.records} records of {found.runs} runs,"
            f" {found.changes} changes of the latch, {found.configs} configs, {found.anchors} anchors"
        )
    terminal.result(
        {
            "ok": not found.problems,
            "problems": [
                {"what": one.what, "path": one.path, "offset": one.offset, "hint": one.hint}
                for one in found.problems
            ],
            "remarks": found.remarks,
            "runs": found.runs,
            "records": found.records,
            "latch_changes": found.changes,
            "configs": found.configs,
            "anchors": found.anchors,
        }
    )
    if found.problems:
        raise typer.Exit(EXIT_CHECK_FAILED)


def _tell_anchor(terminal: Terminal, where: Path) -> None:
    from mm.errors import StateCorrupt
    from mm.store.journal.anchor import head
    from mm.store.journal.layout import runs

    for place in runs(where):
        found = head(place.journal, place.run_id)
        if found is not None:
            if not terminal.as_json:
                print(found.text())
            terminal.result({"ok": True, "anchor": found.text(), **found._asdict()})
            return
    raise StateCorrupt(f"{where}: nothing is recorded there", hint="a data_dir holds its runs in runs/")
