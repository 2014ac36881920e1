"""Tests of mm/venues/binance/answers.py: answers that others recorded or documented, and garbled ones."""

import json
import lzma
import tarfile
from pathlib import Path
from typing import Any

import pytest

from mm.domain.events import OrderCanceled, OrderFilled, OrderSeen, Source
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.venues.binance.answers import Garbled, cancelled, listed, placed, seen, side_of, text_of, traded
from mm.venues.binance.link import Link
from mm.venues.binance.settings import BinanceSettings
from mm.venues.edge.encoding import ENCODINGS, place_request
from mm.venues.edge.frames import FrameDecoder
from tests.builders.instruments import make_test_instrument
from tests.builders.venue_setup import START_NS, TickingClock, btc_usdt, place

LTC_BTC = make_test_instrument(
    symbol="LTC/BTC", venue_symbol="LTCBTC", base="LTC", quote="BTC", tick_size="0.00000100"
)
BNB_BTC = make_test_instrument(
    symbol="BNB/BTC", venue_symbol="BNBBTC", base="BNB", quote="BTC", tick_size="0.00000100"
)


def linked(*instruments: Instrument) -> Link:
    """Return what an adapter of these instruments shares."""
    link = Link(BinanceSettings(clock=TickingClock()))
    link.know(instruments)
    return link


def documented(folder: Path, name: str) -> Any:
    """Return an answer of the venue's documentation."""
    with tarfile.open(folder / "exchange_fixtures_nautilus.tar.xz") as tar:
        file = tar.extractfile(f"./binance/spot/http_json/{name}.json")
        assert file is not None
        return json.load(file)


def routes(folder: Path) -> Any:
    """Return the answers that were recorded, by route and method."""
    with lzma.open(folder / "gct_http_mock" / "binance_routes.json.xz") as file:
        return json.load(file)


def test_a_documented_answer_to_an_order_that_took_is_read(shared_data: Path) -> None:
    """A market sell where a post-only buy was asked: every difference is named, every fill is kept."""
    link, command = linked(btc_usdt()), place(cid="6gCrw2kRUAF9CvJDGP16IP")
    encoding = ENCODINGS["binance"]
    asked = place_request(encoding, btc_usdt(), command, self_trade_mode="EXPIRE_MAKER")
    answer = documented(shared_data, "new_order_full_response")
    mismatch, acked, *fills = placed(link, encoding, command, asked, answer)
    for name in ("side SELL", "type MARKET", "origQty 10", "price 0", "selfTradePreventionMode NONE"):
        assert name in repr(mismatch)
    assert "28" in repr(acked)
    assert [fill.trade_id for fill in fills if isinstance(fill, OrderFilled)] == [56, 57, 58, 59, 60]


def test_recorded_and_documented_orders_are_read(shared_data: Path) -> None:
    """Query, listing and cancellation, with and without the newer fields."""
    link = linked(LTC_BTC)
    recorded = routes(shared_data)
    order = documented(shared_data, "order_response")
    assert seen(link, LTC_BTC, "myOrder1", order) == OrderSeen(
        ts_ns=START_NS + 1_000, cid="myOrder1", venue_order_id="1", open=True, cum_lots=0
    )
    for row in (
        documented(shared_data, "open_orders_response")[0],
        recorded["/api/v3/openOrders"]["GET"][1]["data"][0],
    ):
        entry = listed(link, LTC_BTC, row)
        assert (entry.side, entry.price_ticks, entry.size_lots, entry.cum_lots) == (
            Side.BUY,
            100_000,
            1_000,
            0,
        )
    for answer, cum_lots in (
        (documented(shared_data, "cancel_order_response"), 0),
        (recorded["/api/v3/order"]["DELETE"][0]["data"], 8_000),
    ):
        assert cancelled(LTC_BTC, "myOrder1", 1, answer) == OrderCanceled(
            ts_ns=1, cid="myOrder1", cum_lots=cum_lots, source=Source.ANSWER
        )


def test_a_documented_trade_with_a_fee_in_a_third_asset_is_read(shared_data: Path) -> None:
    """Price on a fine grid, fee in the base asset of another pair."""
    link = linked(BNB_BTC)
    fill = traded(link, BNB_BTC, "ours", documented(shared_data, "account_trades_response")[0])
    assert (fill.trade_id, fill.price_ticks, fill.size_lots) == (28_457, 4_000_001, 12_000)
    assert (fill.fee_asset, fill.fee_atoms, fill.side, fill.maker) == ("BNB", 1_010_000_000, Side.BUY, False)


def test_a_recorded_snapshot_of_the_book_is_read(shared_data: Path) -> None:
    """A thousand levels a side, best first."""
    book = routes(shared_data)["/api/v3/depth"]["GET"][0]["data"]
    decoder = FrameDecoder(btc_usdt())
    bids, asks = decoder.levels(book["bids"]), decoder.levels(book["asks"])
    assert [level.price_ticks for level in bids] == sorted(
        (level.price_ticks for level in bids), reverse=True
    )
    assert asks[0].price_ticks == 3_208_566
    assert asks[0].size_atoms == 204_843_700
    assert bids[0].price_ticks < asks[0].price_ticks


@pytest.mark.parametrize("row", [None, [], {}, {"side": None}, {"side": ""}, {"side": "HOLD"}])
def test_what_is_missing_in_an_answer_is_named(row: Any) -> None:
    """There is no default for what the venue did not say."""
    with pytest.raises(Garbled, match="side"):
        side_of(row)


def test_texts_of_an_answer_may_be_numbers() -> None:
    """Order numbers come as numbers."""
    assert text_of({"orderId": 7}, "orderId") == "7"


@pytest.mark.parametrize("key", ["isBuyer", "isMaker"])
@pytest.mark.parametrize("value", [None, "true", 1])
def test_a_trade_that_does_not_say_who_it_was_is_garbled(key: str, value: Any) -> None:
    """A guess would turn the inventory around."""
    row = {
        "id": 1,
        "price": "100.00",
        "qty": "1",
        "commission": "0",
        "commissionAsset": "BTC",
        "isBuyer": True,
        "isMaker": True,
    }
    with pytest.raises(Garbled, match=key):
        traded(linked(btc_usdt()), btc_usdt(), "ours", {**row, key: value})
