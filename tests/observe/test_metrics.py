"""The metrics of runs: the format, the figures against the books, and counters that never fall."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

from mm.domain.commands import AnyCommand, Place, Query
from mm.domain.events import AnyEvent, ClockMeasured, Operation, OrderFilled, PlaceUnknown
from mm.engine.session import SessionState
from mm.observe.analyst import Analyst
from mm.observe.counts import Counts
from mm.observe.metrics import TABLE, metrics_table, metrics_text
from mm.observe.metrics_read import Seen
from mm.observe.status import RunFacts
from tests.builders.live_runs import LiveRun
from tests.builders.openmetrics import Found, fallen, parsed
from tests.builders.paper_rig import SECOND_NS, PaperRun, paper_parts
from tests.builders.risk_rules import make_limits
from tests.builders.virtual_time import START_NS

FACTS = RunFacts(mode="paper", venue="fake", strategies={"main": "ladder"}, started_ns=START_NS)
LIMITS = make_limits(open_orders_max=8)
BOUNDED = {
    "version": 1,
    "mode": 1,
    "venue": 1,
    "stream": 2,
    "bucket": 2,
    "session": 1,
    "state": len(SessionState),
    "side": 3,
    "reason": 4,
    "rule": 30,
    "liquidity": 2,
    "limit": 10,
    "horizon": 6,
    "reference": 1,
}
"""So many values a label may have with one session."""


def seen_of(run: LiveRun, now_ns: int | None = None) -> Seen:
    """Return what there is to see of a live run, now unless another time is given."""
    runtime = run.runtime
    return Seen(
        state=run.engine.state,
        counts=runtime.counts,
        analyst=runtime.analyst,
        facts=FACTS,
        version="1.2",
        now_ns=run.clock.now_ns() if now_ns is None else now_ns,
        failure=runtime.failure,
        limits={"main": LIMITS},
        journal_bytes=77,
        reload_ok=True,
        reloaded_ns=START_NS,
    )


def told(seen: Seen) -> dict[str, Found]:
    """Return every metric, through its text."""
    return parsed(metrics_text(seen))


def look_at(run: LiveRun, *times: float) -> list[dict[str, Found]]:
    """Return the metrics at each of these times of the run, which is over when this returns."""
    found: list[dict[str, Found]] = []
    for seconds in times:
        run.at(seconds, lambda: found.append(told(seen_of(run))))
    run.at(max(times) + 1, lambda: run.runtime.stop("enough"))
    run.go()
    assert run.runtime.counts.failure == run.runtime.analyst.failure == ""
    return found


def test_every_row_of_the_table_is_told_and_nothing_else() -> None:
    """Names once, help that is a sentence, in the base units that the names say."""
    (found,) = look_at(LiveRun(), 2)

    assert [*found] == [metric.name for metric in TABLE]
    for metric in TABLE:
        family = found[metric.name]
        assert (family.kind, family.about) == (metric.kind, metric.about)
        assert metric.about.endswith(".")
        assert metric.name.startswith("mm_")
        for labels in family.samples:
            assert {name for name, _ in labels} == set(metric.labels)
        assert not metric.name.removesuffix("_total").endswith(("_ms", "_ns", "_bps", "_percent", "_atoms"))
        assert f"| `{metric.name}` | {metric.kind} |" in metrics_table()


def test_before_anything_is_known_nothing_is_invented() -> None:
    """No book, no balance, no clock: no sample, and no zero that somebody could take for a fact."""
    run = LiveRun()
    found = told(seen_of(run, START_NS))

    for name in (
        "mm_position_base",
        "mm_mid_price",
        "mm_quote_price",
        "mm_quote_spread_ratio",
        "mm_market_spread_ratio",
        "mm_equity_quote",
        "mm_drawdown_ratio",
        "mm_market_data_age_seconds",
        "mm_reference_deviation_ratio",
        "mm_clock_offset_seconds",
        "mm_markout_ratio",
        "mm_quoting_seconds_total",
        "mm_fees_paid_quote_total",
        "mm_ws_reconnects_total",
    ):
        assert not found[name].samples, name
    assert found["mm_session_state"].at(session="main", state="pending") == 1
    assert found["mm_build_info"].at(version="1.2", mode="paper") == 1
    limits = {dict(labels)["limit"] for labels in found["mm_risk_limit_used_ratio"].samples}
    assert not limits & {"stale_book_ms", "inventory", "max_notional_quote", "max_drawdown_ratio"}


def test_the_figures_are_those_of_the_books() -> None:
    """The market, own quotes, orders, limits, the account, the run itself."""
    run = LiveRun()
    run.at(2, lambda: run.venue.fill(next(iter(run.venue.open)), 1))
    run.at(
        3,
        lambda: run.venue.tell(
            ClockMeasured(ts_ns=run.clock.now_ns(), offset_ns=-1_500_000, round_trip_ns=1)
        ),
    )
    (found,) = look_at(run, 4.1)

    assert found["mm_mid_price"].at(session="main") == 100
    assert found["mm_market_spread_ratio"].at(session="main") == Decimal("0.002")
    bid = found["mm_quote_price"].at(session="main", side="buy")
    ask = found["mm_quote_price"].at(session="main", side="sell")
    assert bid < 100 < ask
    spread = found["mm_quote_spread_ratio"].at(session="main")
    assert abs(spread - (ask - bid) / 100) < Decimal("1e-9")
    assert found["mm_orders_open"].at(session="main", side="sell") == 2
    assert found["mm_orders_unknown"].at(session="main") == 0
    assert found["mm_position_base"].at(session="main") == Decimal(
        run.engine.state.sessions[0].setup.instrument.size_text(1)
    )
    assert found["mm_fills_total"].at(session="main", side="buy", liquidity="maker") == 1
    assert found["mm_kill_switch_active"].at() == 0
    assert found["mm_clock_offset_seconds"].at(venue="fake") == Decimal("-0.0015")
    assert found["mm_ws_reconnects_total"].at(venue="fake", stream="market") == 0
    assert 0 <= found["mm_market_data_age_seconds"].at(session="main") <= 1
    assert found["mm_market_data_gaps_total"].at(session="main") == 0
    assert found["mm_reference_deviation_ratio"].at(session="main", reference="own_median") == 0
    assert found["mm_equity_quote"].at(session="main") > 0
    assert found["mm_journal_written_bytes_total"].at() == 77
    assert found["mm_config_last_reload_successful"].at() == 1
    assert found["mm_config_last_reload_success_timestamp_seconds"].at() == Decimal(START_NS) / 10**9
    used = found["mm_risk_limit_used_ratio"]
    assert used.at(session="main", limit="max_open_orders") == Decimal("0.5")
    assert used.at(session="main", limit="session_loss_quote") == 0
    assert 0 < found["mm_rate_limit_used_ratio"].at(venue="fake", bucket="weight") < 1


def test_a_halt_a_pause_and_an_order_that_is_lost_are_seen() -> None:
    """By the very metrics that alerts are made of."""
    run = LiveRun()
    run.at(2, lambda: run.runtime.operate(Operation.PAUSE, reason="lunch"))
    run.at(4, lambda: run.runtime.operate(Operation.RESUME))
    run.at(6, lambda: run.runtime.operate(Operation.HALT, reason="drill"))
    paused, halted = look_at(run, 3, 8)

    assert paused["mm_session_state"].at(session="main", state="paused") == 1
    assert sum(paused["mm_session_state"].samples.values()) == 1
    assert halted["mm_kill_switch_active"].at() == 1
    assert fallen(paused, halted) == []

    lost = LiveRun()
    lost.venue.deaf_to = (Place, Query)

    def lose_an_order() -> None:
        place = lost.venue.commands(Place)[0]
        lost.venue.tell(PlaceUnknown(ts_ns=lost.clock.now_ns(), cid=place.cid, cause="timeout"))

    lost.at(3, lose_an_order)
    lost.at(4, lambda: setattr(lost.venue, "deaf_to", ()))
    (unknown,) = look_at(lost, 3.5)
    assert unknown["mm_orders_unknown"].at(session="main") > 0

    broken = replace(seen_of(LiveRun(), START_NS), failure="engine.failed", reload_ok=False)
    assert told(broken)["mm_kill_switch_active"].at() == 1
    assert told(broken)["mm_config_last_reload_successful"].at() == 0
    assert not told(replace(broken, limits={}))["mm_risk_limit_used_ratio"].samples


def test_what_measuring_or_counting_lost_is_left_out() -> None:
    """Once either broke, its figures would stand still and look like facts."""
    run = LiveRun()
    run.at(2, lambda: run.venue.fill(next(iter(run.venue.open)), 1))
    found: list[dict[str, Found]] = []

    def spoil() -> None:
        run.runtime.counts.failure = run.runtime.analyst.failure = "spoilt by the test"
        found.append(told(seen_of(run)))
        run.runtime.counts.failure = run.runtime.analyst.failure = ""

    run.at(3, spoil)
    look_at(run, 4)
    for metric in TABLE:
        if metric.source in ("counts", "analytics"):
            assert not found[0][metric.name].samples, metric.name
    assert found[0]["mm_mid_price"].samples


async def metered(seed: int) -> tuple[PaperRun, Seen]:
    """Return a paper run that is counted and measured from its first step on, and what is seen of it."""
    market, venue, engine = await paper_parts(seed=seed)
    state = engine.state
    analyst, counts, step = Analyst(state), Counts(state), engine.step

    def stepped(event: AnyEvent) -> Sequence[AnyCommand]:
        fresh = isinstance(event, OrderFilled) and not state.orders.knows_trade(
            event.symbol, event.trade_id, event.side
        )
        commands = step(event)
        analyst.on_step(event, commands)
        counts.on_step(event, commands, fresh=fresh, ended=None)
        return commands

    engine.step = stepped  # type: ignore[method-assign] # a look from outside
    seen = Seen(
        state=state,
        counts=counts,
        analyst=analyst,
        facts=FACTS,
        version="1.2",
        now_ns=0,
        failure="",
        limits={"main": LIMITS},
        journal_bytes=0,
        reload_ok=True,
        reloaded_ns=START_NS,
    )
    return PaperRun(market, venue, engine), seen


async def test_counters_never_fall_and_agree_with_the_books_over_a_run() -> None:
    """Looked at every few seconds of a run with fills and fees, on both sides."""
    run, seen = await metered(5)
    looks: list[dict[str, Found]] = []
    for _ in range(12):
        run.run(5 * SECOND_NS)
        looks.append(told(replace(seen, now_ns=run.now_ns)))
        for name, family in looks[-1].items():
            for labels in family.samples:
                assert len(labels) == len(next(m for m in TABLE if m.name == name).labels)
    assert [fallen(*pair) for pair in pairwise(looks)] == [[]] * (len(looks) - 1)

    last, position = looks[-1], run.engine.state.sessions[0].position
    instrument = position.instrument
    assert sum(last["mm_fills_total"].samples.values()) == position.fills > 0
    bought = last["mm_filled_base_total"].at(session="main", side="buy")
    sold = last["mm_filled_base_total"].at(session="main", side="sell")
    assert (bought, sold) == tuple(
        Decimal(instrument.size_text(lots)) for lots in (position.bought_lots, position.sold_lots)
    )
    spent = last["mm_filled_quote_total"].at(session="main", side="buy")
    earned = last["mm_filled_quote_total"].at(session="main", side="sell")
    cash_atoms = position.cash_half * instrument.tick_lot_atoms // 2
    assert earned - spent == Decimal(cash_atoms) / 10**instrument.quote_scale
    realised = last["mm_pnl_realized_quote"].at(session="main")
    open_quote = last["mm_pnl_unrealized_quote"].at(session="main")
    assert realised + open_quote == Decimal(instrument.quote_text(position.net_quote_atoms))
    quoting = last["mm_quoting_seconds_total"]
    both, bid = quoting.at(session="main", side="both"), quoting.at(session="main", side="buy")
    assert 0 < both <= bid <= 60
    assert last["mm_orders_submitted_total"].at(session="main", side="buy") + last[
        "mm_orders_submitted_total"
    ].at(session="main", side="sell") == len(run.places())
    assert last["mm_fees_paid_quote_total"].at(session="main") >= 0
    assert last["mm_drawdown_ratio"].at(session="main") >= 0
    horizons = {dict(labels)["horizon"] for labels in last["mm_markout_ratio"].samples}
    assert horizons >= {"0.1", "0.5", "1", "5"}


async def test_looking_changes_nothing_and_labels_are_few() -> None:
    """The same run with and without looks has the same records and the same state at its end."""
    (run, seen), (quiet, _) = await metered(3), await metered(3)
    values: dict[str, set[str]] = {}
    for _ in range(20):
        run.run(SECOND_NS)
        for family in told(replace(seen, now_ns=run.now_ns + SECOND_NS // 2)).values():
            for labels in family.samples:
                for name, value in labels:
                    values.setdefault(name, set()).add(value)
        quiet.run(SECOND_NS)

    assert run.bytes() == quiet.bytes()
    assert run.engine.state.digest() == quiet.engine.state.digest()
    for name, found in values.items():
        assert len(found) <= BOUNDED[name], (name, found)
