"""Data directories with runs in them, for tests of what people do with journals: small, complete, exact."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from mm.bootstrap.recipe import Recipe, recipe_text
from mm.domain.book import Level
from mm.domain.commands import Cancel, Place, Report, TimeInForce
from mm.domain.estate import Estate, OrderEstate, PositionEstate
from mm.domain.events import (
    BookSnapshot,
    ConfigApplied,
    Operation,
    OperatorAsked,
    OrderAcked,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    Source,
    StreamUp,
    TopOfBook,
)
from mm.domain.events import Stream as Line
from mm.domain.ids import OrderId, OrderIds
from mm.domain.orders import OrderState
from mm.domain.sides import Side
from mm.runtime.keeper import Keeper
from mm.store.config_history import ConfigHistory, Revision, text_digest
from mm.store.journal.entries import (
    CHECKPOINT,
    COMMAND,
    CONFIG,
    EVENT,
    NOTE,
    ConfigVersion,
    Entry,
    Kind,
    OperatorNote,
    RunHeader,
)
from mm.store.journal.journal import Journal
from mm.store.journal.layout import journal_directory, run_id
from mm.store.journal.syncing import JournalSettings
from mm.store.runstate import RunState
from tests.builders.fake_venue import CAPS
from tests.builders.instruments import INSTRUMENT
from tests.builders.journals import Hasty

BEGAN_NS: Final = 1_767_323_045_000_000_000
"""2026-01-02 03:04:05 UTC."""
TEXT: Final = 'mode = "demo"\n[risk]\nsession_loss_quote = 50\n'
TIGHTER: Final = TEXT.replace("50", "40")
SYMBOL: Final = INSTRUMENT.symbol
IDS: Final = OrderIds(tag=7, key=b"tests")
WHO: Final = "ann@cli, uid 1000 pid 4242 (control)"

Entries = Iterable[tuple[Kind, Entry]]


def at(number: int) -> int:
    """The time of something in a run: `number` milliseconds after its start."""
    return BEGAN_NS + number * 1_000_000


def cid(sequence: int, *, epoch: int = 1) -> str:
    """The id of an order."""
    return IDS.encode(OrderId(IDS.tag, 0, epoch, sequence))


def place(sequence: int, *, price_ticks: int = 10_000, side: Side = Side.BUY) -> Place:
    """A placement of ten lots."""
    return Place(
        cid=cid(sequence),
        symbol=SYMBOL,
        side=side,
        price_ticks=price_ticks,
        size_lots=10,
        post_only=True,
        time_in_force=TimeInForce.GTC,
        reduces=False,
        market_seq=1,
        market_age_ns=5,
    )


def acked(sequence: int, number: int) -> OrderAcked:
    """Its acknowledgement."""
    return OrderAcked(
        ts_ns=at(number),
        cid=cid(sequence),
        venue_order_id=f"v{sequence}",
        price_ticks=10_000,
        size_lots=10,
        source=Source.STREAM,
    )


def filled(sequence: int, number: int, *, trade_id: int, size_lots: int = 10) -> OrderFilled:
    """An execution of it."""
    return OrderFilled(
        ts_ns=at(number),
        symbol=SYMBOL,
        cid=cid(sequence),
        trade_id=trade_id,
        side=Side.BUY,
        price_ticks=10_000,
        size_lots=size_lots,
        fee_atoms=250,
        fee_asset="BBB",
        maker=True,
        source=Source.STREAM,
    )


def report(code: str, number: int, *, session: str = "", **facts: str) -> Report:
    """A report."""
    return Report(ts_ns=at(number), code=code, session=session, facts=tuple(facts.items()))


def asked(operation: Operation, number: int, *, reason: str, who: str = WHO) -> OperatorAsked:
    """A request of an operator."""
    return OperatorAsked(ts_ns=at(number), operation=operation, session="", reason=reason, who=who)


def estate(number: int, *orders: OrderEstate) -> Estate:
    """What a run would leave: no position but 3 lots, and these orders."""
    position = PositionEstate(
        session="main",
        symbol=SYMBOL,
        index=0,
        target_lots=0,
        stock_taken=True,
        peak_atoms=9,
        paused="",
        start_lots=0,
        net_lots=3,
        bought_lots=3,
        sold_lots=0,
        fills=1,
        mid_half_ticks=20_000,
        cash_half=0,
        cost_half=0,
        turnover_half=0,
        spread_half=0,
        revaluation_half=0,
        fees_atoms=(),
        other_fees_quote_atoms=0,
    )
    return Estate(
        epoch=1,
        ts_ns=at(number),
        sequence=0,
        equity_start_atoms=0,
        positions=(position,),
        orders=orders,
        symbols=(),
        holdings=(("BBB", 5),),
    )


def left_order(sequence: int, *, epoch: int) -> OrderEstate:
    """An order that an earlier life left, two lots of it filled."""
    return OrderEstate(
        cid=cid(sequence, epoch=epoch),
        session="main",
        symbol=SYMBOL,
        side=Side.SELL,
        price_ticks=10_100,
        size_lots=10,
        level=0,
        reduces=False,
        placed_ns=at(0),
        state=OrderState.UNKNOWN,
        cum_lots=2,
        revealed_lots=2,
        venue_order_id="",
    )


def usual() -> list[tuple[Kind, Entry]]:
    """A little of everything: a book, orders that fill, are cancelled, refused, an operator."""
    snapshot = BookSnapshot(
        ts_ns=at(2), symbol=SYMBOL, seq=1, bids=(Level(9_990, 10**8),), asks=(Level(10_010, 10**8),)
    )
    top = TopOfBook(ts_ns=at(9), symbol=SYMBOL, seq=2, bid=Level(9_991, 10**8), ask=Level(10_010, 10**8))
    refused = OrderRejected(ts_ns=at(14), cid=cid(3), code=-2010, reason="no funds")
    canceled = OrderCanceled(ts_ns=at(12), cid=cid(2), cum_lots=0, source=Source.ANSWER)
    return [
        (CHECKPOINT, estate(0, left_order(9, epoch=0))),
        (NOTE, OperatorNote(who="uid 1000 pid 7 (start)", text="life begins")),
        (EVENT, StreamUp(ts_ns=at(1), stream=Line.MARKET)),
        (EVENT, snapshot),
        (COMMAND, place(1)),
        (COMMAND, place(2, price_ticks=9_999)),
        (EVENT, acked(1, 4)),
        (EVENT, acked(2, 5)),
        (EVENT, filled(1, 6, trade_id=100, size_lots=4)),
        (EVENT, filled(1, 7, trade_id=100, size_lots=4)),
        (EVENT, top),
        (EVENT, filled(1, 10, trade_id=101, size_lots=6)),
        (COMMAND, Cancel(cid=cid(2), symbol=SYMBOL)),
        (EVENT, canceled),
        (COMMAND, place(3)),
        (EVENT, refused),
        (COMMAND, report("order.rejected", 15, session="main", cid=cid(3))),
        (EVENT, asked(Operation.PAUSE, 16, reason="lunch")),
        (CONFIG, ConfigVersion(digest=text_digest(TIGHTER), text=TIGHTER, who=WHO)),
        (EVENT, ConfigApplied(ts_ns=at(18), revision=2, digest=text_digest(TIGHTER), who=WHO)),
        (EVENT, asked(Operation.HALT, 19, reason="drill")),
        (COMMAND, report("halt", 19, reason="drill")),
        (EVENT, asked(Operation.UNHALT, 20, reason="over")),
        (COMMAND, report("unhalt", 20)),
        (COMMAND, report("balance.external", 21, asset="AAA", atoms="7")),
        (COMMAND, place(4)),
    ]


def header(epoch: int, *, text: str = TEXT, latched: str = "", began_ns: int = BEGAN_NS) -> RunHeader:
    """The head of a run's journal."""
    recipe = Recipe(
        path="mm.toml",
        text=text,
        overrides=(),
        variables={},
        instruments=(INSTRUMENT,),
        caps=CAPS,
        tag=IDS.tag,
        key=b"tests".hex(),
        epoch=epoch,
        latched=latched,
        inherits=False,
        revision=1,
        targets={"main": None},
    )
    return RunHeader(
        run_id=run_id(began_ns, epoch),
        epoch=epoch,
        code_version="0.1.0",
        began_ns=began_ns,
        config_digest=text_digest(text),
        config_text=recipe_text(recipe),
    )


def write_run(
    data_dir: Path,
    entries: Entries,
    *,
    epoch: int = 1,
    close: bool = True,
    head: RunHeader | None = None,
    settings: JournalSettings | None = None,
) -> Path:
    """Write a run's journal and return where it is; record n is written at `at(n)`."""
    head = head or header(epoch)
    directory = journal_directory(data_dir, head.run_id)
    journal = Journal.open(directory, head, settings=settings, disk=Hasty())
    for number, (kind, entry) in enumerate(entries, start=1):
        journal.append(kind, head.began_ns + number * 1_000_000, entry)
    if close:
        journal.close()
    else:
        journal.write()
    return directory


def lived(data_dir: Path, entries: Entries | None = None) -> Path:
    """Make a data directory on which one life was lived and ended, all of it kept as a run keeps it."""
    chosen = usual() if entries is None else list(entries)
    state = RunState.open(data_dir)
    history = ConfigHistory(data_dir)
    for text, who, origin in ((TEXT, "mm", "start"), (TIGHTER, WHO, "cli")):
        number = history.keep(text)
        history.note(
            Revision(
                revision=number,
                time="2026-01-02T03:04:05.000Z",
                who=who,
                origin=origin,
                digest=text_digest(text),
                path="mm.toml",
                changed=("risk.session_loss_quote",) if origin == "cli" else (),
            )
        )
    state.begin_life()
    directory = write_run(data_dir, chosen)
    keeper = Keeper(state)
    for _, entry in chosen:
        if isinstance(entry, OperatorAsked):
            facts = (("operation", entry.operation.value), ("reason", entry.reason), ("who", entry.who))
            keeper(Report(ts_ns=entry.ts_ns, code="operator", session="", facts=facts))
        elif isinstance(entry, Report) and entry.code in ("halt", "unhalt"):
            keeper(entry)
    state.end_life(open_orders=0, reason="stopped")
    return directory
