"""What was measured at a venue where all is well, for tests of what is judged by it."""

from decimal import Decimal

from mm.bootstrap.doctor_online import ClockFacts, Missed, OnlineFacts, OpenOrders, SessionFacts
from mm.domain.instrument import InstrumentSpec, make_instrument
from mm.runtime.probe import RoundTrip
from mm.venues.binance.account_facts import Rights, Standing, Usage
from mm.venues.binance.public_facts import Listing, Top

INSTRUMENT = make_instrument(
    InstrumentSpec(
        symbol="BTC/USDT",
        venue_symbol="BTCUSDT",
        base="BTC",
        quote="USDT",
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.00001"),
        size_min=Decimal("0.00001"),
        size_max=Decimal(9_000),
        notional_min=Decimal(5),
        maker_fee_ratio=Decimal("0.0001"),
        taker_fee_ratio=Decimal("0.0004"),
    )
)
SESSION = SessionFacts(
    name="btc",
    instrument=INSTRUMENT,
    listing=Listing("TRADING", post_only=True, stp_modes=("EXPIRE_MAKER",)),
    top=Top(2_000_000, 2_000_100),
    orders=OpenOrders(ours=0, foreign=0),
    balances={"BTC": 10**8, "USDT": 10**12},
)
FACTS = OnlineFacts(
    address="http://127.0.0.1:8600/api/v3",
    local=True,
    clock=ClockFacts(offset_ms=-3.0, median_ms=2.0, worst_ms=5.0),
    status="normal",
    sessions=(SESSION,),
    rights=Rights(reads=True, trades=True, withdraws=False, bound=True, needless=()),
    standing=Standing(trades=True, kind="SPOT"),
    weight=100,
    weight_limit=6_000,
    orders=(Usage("10 SECOND", 1, 100),),
    round_trip=RoundTrip(placed_ms=1, seen_ms=1, cancelled_ms=1, gone_ms=1),
)
FAILED = Missed(reason="no answer in time", hint="try again")
LEFT_OUT = Missed(reason="paper mode has no key", meant=True)
