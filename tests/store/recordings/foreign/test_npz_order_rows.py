"""Single orders written as a file of hftbacktest: what is read back are the rows that were written."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import pytest

from mm.domain.events import BookLost
from mm.domain.tape import KEYFRAME, ORDER, ORDERS, OTHER, SNAPSHOT, messages
from mm.errors import RecordingUnusable
from mm.store.recordings.facts import Facts
from mm.store.recordings.foreign.npz_form import (
    CANCEL_ORDER_EVENT,
    EXCH_EVENT,
    FILL_EVENT,
    KIND_MASK,
    LOCAL_EVENT,
    NpzFile,
)
from mm.store.recordings.foreign.npz_source import HftbacktestSource
from mm.store.recordings.foreign.npz_writer import write_hftbacktest
from mm.store.recordings.opening import open_source
from mm.store.recordings.orders import order_symbols_of
from mm.store.recordings.parquet.writer import store
from mm.store.recordings.source import Source
from tests.builders.order_tapes import (
    ADD,
    BASE_NS,
    CANCEL,
    CLEAR,
    FILL,
    MODIFY,
    TICK,
    OrderMarket,
    Told,
    first_orders,
    write_orders,
)
from tests.builders.order_tapes import (
    TRADE as TRADE_ROW,
)

PAIR = Facts(base="BTC", quote="USDT")
MS = 1_000_000
S = 1_000 * MS


def at(  # noqa: PLR0917 - the columns of a row
    ms: int, kind: int, side: int, price: int = 0, lots: int = 0, order_id: int = 0
) -> Told:
    """Return a row so many milliseconds after the begin."""
    return Told(kind, BASE_NS + ms * MS, side, price, lots, order_id)


BOOK = first_orders()


def of(path: Path, rows: Sequence[Told]) -> HftbacktestSource:
    """Return rows, as a file, as a source."""
    return HftbacktestSource([write_orders(path, rows)], PAIR)


def told(source: Source, from_ns: int = 0) -> list[object]:
    """Return all messages; what is no row as the event that it is."""
    return [
        chunk.others[message[0][6]] if message[0][1] == OTHER else message
        for chunk in source.chunks(from_ns)
        for message in messages(chunk)
    ]


def sent(source: Source, from_ns: int = 0) -> list[object]:
    """Return the messages that were sent: whole books as they stood in between are left out."""
    made_here = (KEYFRAME, ORDERS)
    return [one for one in told(source, from_ns) if not (isinstance(one, list) and one[0][1] in made_here)]


def again(source: Source, path: Path) -> HftbacktestSource:
    """Return a source, written as a file of ours, as a source."""
    write_hftbacktest(source, path)
    found = open_source([path])
    assert isinstance(found, HftbacktestSource)
    return found


@pytest.fixture
def generated(tmp_path: Path) -> HftbacktestSource:
    """A generated market of 80 s."""
    return of(tmp_path / "market.npz", list(OrderMarket(5, gap_ns=40 * MS).rows(2_000)))


def test_from_npz_through_a_store_to_npz_the_rows_are_the_same(
    tmp_path: Path, generated: HftbacktestSource
) -> None:
    """Every message with its number and both times; a file made of a file of ours has its very bytes."""
    first = again(generated, tmp_path / "first.npz")
    store(first, tmp_path / "store", (), lambda ts_ns: None)
    second = again(open_source([tmp_path / "store"]), tmp_path / "second.npz")
    assert told(second) == told(first) == told(generated)
    assert order_symbols_of(second) == order_symbols_of(first) == ("BTC/USDT",)
    assert second.instruments == first.instruments == generated.instruments
    one, other = (np.load(tmp_path / name)["data"] for name in ("first.npz", "second.npz"))
    assert one.tobytes() == other.tobytes()
    assert NpzFile(tmp_path / "first.npz").facts == NpzFile(tmp_path / "second.npz").facts


def test_the_rows_are_those_that_the_venue_told(tmp_path: Path, generated: HftbacktestSource) -> None:
    """Kind, side, time, price and id; what traded of each order too, which no tape tells.

    The venue's time is there to the millisecond, and a cancellation is of what stood there before the moment.
    """
    again(generated, tmp_path / "ours.npz")
    theirs, ours = (np.load(tmp_path / name)["data"] for name in ("market.npz", "ours.npz"))
    assert len(ours) == len(theirs)
    for column in ("ev", "local_ts", "order_id"):
        assert (ours[column] == theirs[column]).all()
    assert (np.round(ours["px"] / TICK) == np.round(theirs["px"] / TICK)).all()
    kind = ours["ev"] & np.uint64(KIND_MASK)
    kept = kind != CANCEL_ORDER_EVENT
    assert (ours["qty"][kept] == theirs["qty"][kept]).all()
    assert np.count_nonzero(kind == FILL_EVENT) > 100
    late = ours["local_ts"] - ours["exch_ts"]
    assert (late[1:] > 0).all()
    for flag, column in ((EXCH_EVENT, "exch_ts"), (LOCAL_EVENT, "local_ts")):
        assert (np.diff(ours[column][ours["ev"] & np.uint64(flag) != 0]) >= 0).all()


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([at(1, MODIFY, 1, 101, 5, 1), at(2, MODIFY, 1, 101, 6, 1)], id="moves"),
        pytest.param([at(1, CANCEL, 1, 100, 5, 1), at(1, ADD, 1, 100, 5, 1)], id="comes back"),
        pytest.param([at(1, CANCEL, 1, 100, 5, 1), at(1, ADD, -1, 103, 5, 1)], id="other side"),
        pytest.param([at(1, MODIFY, 1, 100, 0, 1), at(2, CANCEL, 1, 100, 0, 1)], id="empty, then gone"),
        pytest.param([at(1, MODIFY, 1, 100, 0, 1), at(1, CANCEL, 1, 100, 0, 1)], id="both at once"),
        pytest.param([at(1, MODIFY, 1, 98, 0, 1), at(2, CANCEL, 1, 98, 0, 1)], id="moved to nothing"),
        pytest.param([at(1, CLEAR, 1), at(2, CLEAR, 1), at(3, ADD, 1, 98, 2, 1)], id="a side cleared twice"),
        pytest.param([at(1, CLEAR, 0), at(2, ADD, -1, 98, 2, 1)], id="all gone"),
        pytest.param(
            [at(1, MODIFY, 1, 100, 0, 1), at(2, CLEAR, 0), at(2, ADD, 1, 99, 1, 1)], id="empty, cleared"
        ),
    ],
)
def test_whatever_becomes_of_an_order_is_read_back(tmp_path: Path, rows: list[Told]) -> None:
    """As it was told, with the levels that it makes."""
    end = [at(9, ADD, 1, 97, 1, 77), at(10, MODIFY, 1, 97, 2, 77)]
    source = of(tmp_path / "a.npz", [*BOOK, *rows, *end])
    assert told(again(source, tmp_path / "b.npz")) == told(source)


def odd_orders(seed: int) -> list[Told]:
    """Return rows of orders that come back, are left empty, move, and are cleared, many of them at once."""
    dice, ms, orders, told = Random(seed), 0, dict[int, Told](), [at(0, CLEAR, 0)]
    for _ in range(dice.randint(20, 300)):
        ms += dice.choice((0, 0, 1, 20, 7_000))
        side = dice.choice((1, -1))
        price, lots, number = 100 - side * dice.randint(1, 9), dice.randint(0, 9), dice.randint(1, 9)
        act = dice.choices((ADD, CANCEL, MODIFY, TRADE_ROW, CLEAR), (40, 20, 25, 10, 2))[0]
        known = orders.get(number)
        if act == ADD and known is None:
            told.append(at(ms, ADD, side, price, lots + 1, number))
        elif act == CLEAR:
            side *= dice.randint(0, 1)
            told.append(at(ms, CLEAR, side))
            orders = {one: order for one, order in orders.items() if side and order.side != side}
            continue
        elif known is not None and act in {CANCEL, MODIFY, TRADE_ROW}:
            stays = act != MODIFY or side != known.side
            told.append(at(ms, act, known.side, known.price if stays else price, lots, number))
        else:
            continue
        if act == CANCEL:
            del orders[number]
        elif act != TRADE_ROW:
            orders[number] = told[-1]
    return [*told, at(ms + 1, ADD, 1, 1, 1, 99)]


@pytest.mark.parametrize("seed", range(25))
def test_the_oddest_orders_are_read_back(tmp_path: Path, seed: int) -> None:
    """Whatever was told of them, in the same messages."""
    source = of(tmp_path / "a.npz", odd_orders(seed))
    assert sent(again(source, tmp_path / "b.npz")) == sent(source)


def test_prints_take_from_the_front_of_the_queue(tmp_path: Path) -> None:
    """Whoever stood there first traded; what is gone beyond the print was cancelled."""
    rows = [
        at(1, CANCEL, 1, 100, 3, 2),
        at(2, TRADE_ROW, -1, 100, 4),
        at(2, CANCEL, 1, 99, 7, 3),
        at(2, MODIFY, 1, 100, 1, 1),
        at(3, ADD, 1, 100, 3, 4),
        at(4, TRADE_ROW, -1, 100, 2),
        at(4, CANCEL, 1, 100, 3, 4),
        at(4, CANCEL, 1, 100, 1, 1),
    ]
    source = of(tmp_path / "a.npz", [*BOOK, *rows])
    assert told(again(source, tmp_path / "b.npz")) == told(source)
    data = np.load(tmp_path / "b.npz")["data"]
    fills = data[(data["ev"] & np.uint64(KIND_MASK)) == FILL_EVENT]
    assert [(int(one["order_id"]), round(one["qty"] * 10**5)) for one in fills] == [(1, 4), (1, 1), (4, 1)]


def test_two_messages_of_one_moment_stay_two(tmp_path: Path) -> None:
    """The venue's milliseconds are the same; their numbers tell them apart."""
    rows = [*BOOK, at(1, ADD, 1, 98, 2, 8), Told(TRADE_ROW, BASE_NS + MS, 1, 102, 1)]
    path = write_orders(tmp_path / "a.npz", [*rows, Told(MODIFY, BASE_NS + MS, -1, 102, 3, 2**64 - 1)])
    data = np.load(path)["data"]
    data["exch_ts"][-2:] += 1
    np.savez(path, data=data)
    source = HftbacktestSource([path], PAIR)
    assert len(told(source)) == 2 + 2 + 1 + 2
    assert told(again(source, tmp_path / "b.npz")) == told(source)


def test_a_book_that_was_lost_between_two_imports_is_lost_in_the_file(tmp_path: Path) -> None:
    """With its reason; the orders begin anew."""
    later = [Told(row.kind, row.ts_ns + 100 * S, row.side, row.price, row.lots, row.order_id) for row in BOOK]
    for name, rows in (("a.npz", BOOK), ("b.npz", later)):
        store(of(tmp_path / name, rows), tmp_path / "store", (), lambda ts_ns: None)
    source = open_source([tmp_path / "store"])
    lost = [one for one in told(source) if isinstance(one, BookLost)]
    assert len(lost) == 1
    assert sent(again(source, tmp_path / "ours.npz")) == sent(source)


def test_a_part_begins_with_the_orders_that_stand_there(tmp_path: Path, generated: HftbacktestSource) -> None:
    """In the order of their queues: what comes then is what would have come."""
    write_hftbacktest(generated, tmp_path / "part.npz", span=(BASE_NS + 70 * S, 0))
    part = told(open_source([tmp_path / "part.npz"]))
    whole = sent(generated, BASE_NS + 70 * S)
    begun, book, *rest = part
    assert isinstance(begun, list)
    assert isinstance(book, list)
    assert (begun[0][1], book[0][1]) == (ORDER, SNAPSHOT)
    assert rest == whole


def test_levels_without_their_orders_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which book would be meant cannot be told; nothing is written."""
    path = write_orders(tmp_path / "a.npz", [*BOOK, at(1, TRADE_ROW, -1, 100, 1), at(2, FILL, 1, 100, 1, 1)])
    write_hftbacktest(HftbacktestSource([path], PAIR), tmp_path / "levels.npz", levels=True)
    source = open_source([tmp_path / "levels.npz"])
    monkeypatch.setattr(HftbacktestSource, "order_symbols", ("BTC/USDT",))
    with pytest.raises(RecordingUnusable, match=r"BTC/USDT: levels at \d+ ns without the orders"):
        write_hftbacktest(source, tmp_path / "b.npz")
    assert not (tmp_path / "b.npz").exists()
