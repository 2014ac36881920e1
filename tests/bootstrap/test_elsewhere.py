"""What a life left on a symbol that the config no longer names is off before the next one begins."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mm.bootstrap import clearing, elsewhere
from mm.bootstrap.elsewhere import take_off_elsewhere
from mm.bootstrap.recovery import Start, StartOptions
from mm.domain.estate import OrderEstate
from mm.domain.ids import OrderId, OrderIds
from mm.errors import EXIT_ORDERS_MAY_REMAIN, OrdersMayRemain
from mm.settings.models import Settings
from mm.store.journal.entries import NOTE, OperatorNote
from mm.store.journal.reader import read
from mm.store.runstate import RunState
from mm.venues.binance.cancel_only import CancelSettings
from mm.venues.edge.sweep import Sweep
from tests.builders.configs import loaded
from tests.builders.crashed_lives import TEXT, Lives
from tests.builders.estates import left, left_order
from tests.builders.exchange_thread import Hosted, hosted

GONE = "BTC/USDT"
PROOF_NS = 60 * 10**9


@pytest.fixture
def exchange() -> Iterator[Hosted]:
    """An exchange on which nobody else trades."""
    with hosted(preset="empty") as found:
        yield found


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A config that names another symbol than the life before traded."""
    return loaded(tmp_path, TEXT, [f"data_dir={tmp_path / 'data'}"])


def access_of(exchange: Hosted) -> CancelSettings:
    """Return the key of the account."""
    return CancelSettings(
        rest=f"{exchange.url}/api/v3",
        api_key=exchange.key,
        api_secret=exchange.secret,
        loopback_only=True,
    )


def start_of(folder: Path) -> Start:
    """Return a start that takes nothing over yet."""
    return Start(RunState.open(folder / "data"), StartOptions(), None, folder / "data", ExitStack())


def cid_of(start: Start, sequence: int) -> str:
    """Return the id of an order of an earlier life of this directory."""
    ids = OrderIds(tag=start.kept.tag, key=start.kept.id_key)
    return ids.encode(OrderId(ids.tag, 0, 4, sequence))


def order_of(start: Start, sequence: int, symbol: str = GONE) -> OrderEstate:
    """Return such an order as it was left."""
    return left_order(cid=cid_of(start, sequence), session="gone", symbol=symbol)


def leave(start: Start, *orders: OrderEstate, ago_ns: int = PROOF_NS) -> None:
    """Let the life before have left these orders, so long ago."""
    start.rest = left(epoch=4, ts_ns=time.time_ns() - ago_ns, orders=orders)


async def test_orders_on_a_symbol_that_no_pair_names_are_taken_off(
    tmp_path: Path, exchange: Hosted, settings: Settings
) -> None:
    """Also one that the journal did not know of; what was placed by hand stays."""
    start = start_of(tmp_path)
    for cid in (cid_of(start, 1), cid_of(start, 2), "by-hand"):
        exchange.leave(cid)
    here = order_of(start, 3, "AAA/BBB")
    leave(start, order_of(start, 1), here)
    await take_off_elsewhere(start, settings, access_of(exchange), proof_ns=PROOF_NS)
    assert exchange.statuses() == {
        cid_of(start, 1): "CANCELED",
        cid_of(start, 2): "CANCELED",
        "by-hand": "NEW",
    }
    assert start.heritage.estate is not None
    assert start.heritage.estate.orders == (here,)
    assert start.settled == f"1 orders of life 4 on {GONE}: none is listed, 2 cancelled"


async def test_as_long_as_a_request_of_the_old_life_may_arrive_it_is_looked_again(
    tmp_path: Path, exchange: Hosted, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes late is taken off too."""
    monkeypatch.setattr(clearing, "WAIT_S", 0.05)
    start = start_of(tmp_path)
    leave(start, order_of(start, 1), ago_ns=0)
    real, looks = Sweep.once, []

    def once(sweep: Sweep) -> int:
        looks.append(time.monotonic())
        if len(looks) == 4:
            exchange.leave(cid_of(start, 1))
        return real(sweep)

    monkeypatch.setattr(Sweep, "once", once)
    await take_off_elsewhere(start, settings, access_of(exchange), proof_ns=10**9)
    assert exchange.statuses() == {cid_of(start, 1): "CANCELED"}
    assert looks[-1] - looks[0] > 0.8
    assert start.settled


async def test_where_the_venue_does_not_say_that_they_are_gone_nothing_is_started(
    tmp_path: Path, exchange: Hosted, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The symbol, the reason and the two ways out are told; what was left is left as it was."""
    monkeypatch.setattr(elsewhere, "PATIENCE_S", 0.0)
    start = start_of(tmp_path)
    leave(start, order_of(start, 1))
    before = start.rest
    exchange.vanish()
    with pytest.raises(OrdersMayRemain, match=f"on {GONE}, which no pair.*nothing was started") as caught:
        await take_off_elsewhere(start, settings, access_of(exchange), proof_ns=PROOF_NS)
    assert "name the symbol again" in caught.value.hint
    assert caught.value.exit_code == EXIT_ORDERS_MAY_REMAIN
    assert (start.rest, start.settled) == (before, "")


async def test_where_nothing_is_left_elsewhere_nobody_is_asked(tmp_path: Path, settings: Settings) -> None:
    """A start costs the venue's budget nothing more; what the engine trades is the engine's."""
    start = start_of(tmp_path)
    await take_off_elsewhere(start, settings, None, proof_ns=PROOF_NS)
    leave(start, order_of(start, 1, "AAA/BBB"))
    before = start.rest
    await take_off_elsewhere(start, settings, None, proof_ns=PROOF_NS)
    assert (start.rest, start.settled) == (before, "")


@pytest.fixture
def lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lives:
    """Lives of a bot on a fake venue."""
    monkeypatch.setenv("MM_LEASE_DIR", str(tmp_path / "leases"))
    monkeypatch.setenv("KEY", "a-key-id-of-a-test")
    monkeypatch.setenv("SECRET", "a-secret-of-a-test")
    return Lives(tmp_path / "lives")


def test_a_start_that_cannot_take_them_off_begins_no_life_and_the_next_one_knows_of_them(
    lives: Lives,
) -> None:
    """Nothing is sent, nothing is forgotten: with the symbol named again they are taken over."""
    lives.crash(8)
    open_before, before = dict(lives.venue.open), lives.kept()
    assert open_before
    own = lives.settings
    lives.settings = own.model_copy(
        update={"pair": {"main": own.pair["main"].model_copy(update={"symbol": "AAA/CCC"})}}
    )
    with pytest.raises(OrdersMayRemain, match="on AAA/BBB"):
        lives.live(10)
    assert not lives.venue.sent
    after = lives.kept()
    assert (after.estate_run, after.epoch) == (before.estate_run, before.epoch)
    lives.settings = own
    assert lives.live(120).exit_code == 0
    assert not lives.venue.open
    assert int(lives.facts("recovered")["orders"]) == len(open_before)


def test_what_was_dealt_with_is_in_the_record(lives: Lives, monkeypatch: pytest.MonkeyPatch) -> None:
    """By mm itself, before the first event."""

    async def settled(start: Start, *_: object, **__: object) -> None:
        start.settled = "2 orders of life 4: gone"

    monkeypatch.setattr("mm.bootstrap.trade.take_off_elsewhere", settled)
    lives.live(5)
    notes = [record.entry for record in read(lives.newest_run().journal, kinds=(NOTE,))]
    assert OperatorNote(who="mm", text="2 orders of life 4: gone") in notes
