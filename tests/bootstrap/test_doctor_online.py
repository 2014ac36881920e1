"""What `mm doctor --online` measures: at an exchange of its own, and at one that a config names."""

import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from mm.bootstrap.doctor_online import Missed, OnlineFacts, OpenOrders, examine_online, is_local
from mm.bootstrap.doctor_watched import Seen
from mm.domain.ids import OrderId, OrderIds
from mm.errors import ConfigError
from mm.runtime.probe import RoundTrip
from mm.settings.models import Settings
from mm.store.lock import DirectoryLock
from mm.store.runstate import RunState
from mm.venues.binance.settings import REAL, Addresses
from tests.builders.configs import SMALL, loaded
from tests.builders.exchange_thread import Hosted, hosted

LIVE = SMALL.replace('"demo"', '"live"') + (
    "max_order_notional_quote = 900\nsession_loss_quote = 9\n"
    '[venue.main]\nkey = "env:MM_TEST_KEY"\nsecret = "env:MM_TEST_SECRET"\n'
)


@pytest.fixture(scope="module")
def exchange() -> Iterator[Hosted]:
    """An exchange that nothing is left on."""
    with hosted() as found:
        yield found


def live(folder: Path, exchange: Hosted, monkeypatch: pytest.MonkeyPatch, text: str = LIVE) -> Settings:
    """Return settings of mode live on a local exchange, with its key in the environment."""
    monkeypatch.setenv("MM_TEST_KEY", exchange.key)
    monkeypatch.setenv("MM_TEST_SECRET", exchange.secret)
    return loaded(folder, text, [f"data_dir={folder / 'data'}", f'venue.main.url="{exchange.url}"'])


def is_whole(facts: OnlineFacts) -> bool:
    """Return whether everything was measured."""
    (session,) = facts.sessions
    parts: tuple[object, ...] = (facts.clock, facts.status, facts.rights, facts.standing, facts.orders)
    mine = (session.instrument, session.listing, session.top, session.orders, session.balances)
    return not any(isinstance(part, Missed) for part in (*parts, *mine, facts.round_trip))


def test_a_demo_is_examined_at_an_exchange_of_its_own(tmp_path: Path) -> None:
    """Everything is measured; the exchange is gone afterwards, and nothing was written."""
    facts = examine_online(loaded(tmp_path, SMALL, [f"data_dir={tmp_path / 'data'}"]))
    assert is_whole(facts)
    assert facts.local
    with pytest.raises(OSError):
        urllib.request.urlopen(facts.address.removesuffix("/api/v3") + "/_mm/truth", timeout=2)
    assert not (tmp_path / "data").exists()


def test_a_live_config_on_a_local_exchange_is_examined_with_its_key(
    tmp_path: Path, exchange: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One order lived there, far from the market, and is cancelled by the exchange's own records."""
    before = set(exchange.statuses())
    facts = examine_online(live(tmp_path, exchange, monkeypatch))
    assert is_whole(facts)
    assert isinstance(facts.round_trip, RoundTrip)
    ((cid, status),) = [row for row in exchange.statuses().items() if row[0] not in before]
    assert status == "CANCELED"
    order = next(row for row in exchange.truth()["orders"] if row["client_id"] == cid)
    top = facts.sessions[0].top
    assert not isinstance(top, Missed)
    assert order["price_ticks"] == top.bid_ticks * 90 // 100
    assert exchange.truth()["open_orders"] == []


def test_paper_mode_measures_what_is_public_and_has_no_key(tmp_path: Path, exchange: Hosted) -> None:
    """The rest is left out on purpose, each with the reason."""
    text = SMALL.replace('"demo"', '"paper"')
    placed = exchange.truth()["counters"]["orders_placed"]
    facts = examine_online(loaded(tmp_path, text, [f'venue.main.url="{exchange.url}"']))
    (session,) = facts.sessions
    for found in (session.instrument, session.listing, session.top, facts.clock):
        assert not isinstance(found, Missed)
    keyless = Missed(reason="paper mode has no key", meant=True)
    for missing in (session.orders, session.balances, facts.rights, facts.standing, facts.round_trip):
        assert missing == keyless
    assert facts.weight > 0
    assert exchange.truth()["counters"]["orders_placed"] == placed


def test_orders_are_told_apart_by_whose_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours by the id that only this data directory can make; none of them is touched."""
    with hosted() as exchange:
        settings = live(tmp_path, exchange, monkeypatch)
        kept = RunState.open(settings.data_dir)
        ids = OrderIds(tag=kept.tag, key=kept.id_key)
        mine = ids.encode(OrderId(kept.tag, 0, 1, 1))
        for cid in (mine, "by-hand", "another"):
            exchange.leave(cid)
        facts = examine_online(settings)
        assert facts.sessions[0].orders == OpenOrders(ours=1, foreign=2)
        statuses = exchange.statuses()
        assert [statuses.pop(cid) for cid in (mine, "by-hand", "another")] == ["NEW"] * 3
        # The order of the round trip is one that a next start would have recognised.
        ((cid, status),) = statuses.items()
        assert status == "CANCELED"
        decoded = ids.decode(cid)
        assert decoded is not None
        assert decoded.epoch == 0


def test_no_order_is_placed_while_a_daemon_trades_there(
    tmp_path: Path, exchange: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its core would not know the order."""
    settings = live(tmp_path, exchange, monkeypatch)
    with DirectoryLock(settings.data_dir):
        trip = examine_online(settings).round_trip
    assert isinstance(trip, Missed)
    assert trip.meant
    assert "a daemon trades there" in trip.reason


@pytest.mark.parametrize(("base", "quote", "side"), [(0, 10**13, "buy"), (10**8, 0, "sell"), (0, 0, "")])
def test_the_order_is_on_a_side_that_there_are_funds_for(
    base: int, quote: int, side: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any, none is placed."""
    with hosted(client_base_atoms=base, client_quote_atoms=quote) as exchange:
        trip = examine_online(live(tmp_path, exchange, monkeypatch)).round_trip
        assert [order["side"].lower() for order in exchange.truth()["orders"]] == ([side] if side else [])
        assert isinstance(trip, RoundTrip if side else Missed)


def test_a_symbol_that_is_not_listed_stops_only_what_needs_it(
    tmp_path: Path, exchange: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is the adapter's, with its hint."""
    text = LIVE.replace("BTC/USDT", "BTC/USDC")
    facts = examine_online(live(tmp_path, exchange, monkeypatch, text))
    instrument = facts.sessions[0].instrument
    assert isinstance(instrument, Missed)
    assert not instrument.meant
    assert "BTC/USDT" in instrument.hint
    assert not isinstance(facts.rights, Missed)
    assert isinstance(facts.round_trip, Missed)


def test_a_venue_that_is_not_there_is_asked_once(tmp_path: Path) -> None:
    """What would have been asked next is left out."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        facts = examine_online(
            loaded(tmp_path, SMALL.replace('"demo"', '"paper"'), [f'venue.main.url="{url}"'])
        )
    assert isinstance(facts.clock, Missed)
    assert not facts.clock.meant
    assert facts.sessions == ()
    assert isinstance(facts.rights, Missed)
    assert facts.rights.meant


def test_a_wrong_secret_is_found_at_each_private_read(
    tmp_path: Path, exchange: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the secret is in none of what is said."""
    settings = live(tmp_path, exchange, monkeypatch)
    monkeypatch.setenv("MM_TEST_SECRET", "f" * 32)
    facts = examine_online(settings)
    for found in (facts.rights, facts.standing, facts.orders):
        assert isinstance(found, Missed)
        assert "-1022" in found.reason
        assert "f" * 32 not in found.reason
        assert not found.meant


def test_a_key_that_cannot_be_read_is_the_callers_error(
    tmp_path: Path, exchange: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was asked."""
    settings = live(tmp_path, exchange, monkeypatch)
    monkeypatch.delenv("MM_TEST_SECRET")
    with pytest.raises(ConfigError, match="MM_TEST_SECRET"):
        examine_online(settings)


def test_a_real_venue_gets_no_order() -> None:
    """Whatever the mode: only addresses that are this machine by their very spelling count as local."""
    local = Addresses("http://127.0.0.1:1/api/v3", "ws://127.0.0.1:1/ws", "ws://localhost:1/ws-api/v3")
    assert is_local(local)
    assert not is_local(REAL)
    for name in ("rest", "market", "user"):
        elsewhere = {key: getattr(local, key) for key in ("rest", "market", "user")} | {
            name: getattr(REAL, name)
        }
        assert not is_local(Addresses(**elsewhere))


WATCHING = """\
mode = "paper"

[venue.main]
url = "{url}"

[venue.away]
url = "{url}"

[pair.btc]
symbol = "BTC/USDT"
venue = "main"
strategy = "cross_reference"

[pair.btc.params]
order_amount_base = 0.01
sources = ["away:BTC/USDT", "away:ETH/USDT", "ETH/USDT"]
spread_bps = 10

[pair.btc.inventory]
max_base = 0.1

[risk]
max_notional_quote = 5_000
"""


def test_markets_that_are_only_watched_are_looked_at_where_they_come_from(
    tmp_path: Path, exchange: Hosted
) -> None:
    """On another venue and on the own one; what is not there says so, and stops nothing else."""
    facts = examine_online(loaded(tmp_path, WATCHING.format(url=exchange.url)))

    there, absent, own = facts.watched
    assert (there.name, there.sessions) == ("away:BTC/USDT", ("btc",))
    assert isinstance(there.seen, Seen)
    assert there.seen.instrument.symbol == "away:BTC/USDT"
    assert 0 < there.seen.top.bid_ticks < there.seen.top.ask_ticks
    assert there.seen.trip_ms > 0
    for missing in (absent, own):
        assert isinstance(missing.seen, Missed)
        assert "ETH/USDT" in missing.seen.reason
    assert not isinstance(facts.sessions[0].top, Missed)
