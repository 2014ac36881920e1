"""The rows of `mm doctor --online` on one session: its symbol, its ladder at this price, fees and funds."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypeAlias

from mm.cli.checks import Row, Status
from mm.domain.units import ceil_atoms, floor_atoms, short_text
from mm.logs import redact
from mm.settings.exposure import ladder_of

if TYPE_CHECKING:
    from mm.bootstrap.doctor_online import SessionFacts
    from mm.domain.instrument import Instrument
    from mm.settings.models import Settings
    from mm.venues.binance.public_facts import Top

Judge: TypeAlias = "Callable[[SessionFacts, Settings], Row]"


def session_rows(facts: "SessionFacts", settings: "Settings") -> Iterator[Row]:
    """Yield the rows of a session; a judgement that crashes is a failed row."""
    for name, judge in JUDGES:
        try:
            yield judge(facts, settings)
        except Exception as error:  # noqa: BLE001 - a check that crashes is a finding of its own
            said = redact(f"{type(error).__name__}: {error}")
            yield Row(what=f"{name} {facts.name}", status="fail", measured=said)


def _unknown(what: str, facts: "SessionFacts", limit: str) -> Row | None:
    # The row where the symbol itself cannot be traded, None where it can.
    from mm.bootstrap.doctor_online import Missed

    if isinstance(facts.instrument, Missed):
        return Row(what=what, status="skip", measured="the symbol cannot be traded", limit=limit)
    return None


def _symbol(facts: "SessionFacts", _: "Settings") -> Row:
    from mm.bootstrap.doctor_online import Missed

    what, found = f"symbol {facts.name}", facts.instrument
    if isinstance(found, Missed):
        return Row(what=what, status="fail", measured=found.reason, limit="trades", fix=found.hint)
    listing = facts.listing
    status = listing.status if not isinstance(listing, Missed) else "unknown"
    least = _amount(found.notional_min_atoms, found.quote_scale)
    measured = (
        f"{found.symbol}: {status}; tick {found.price_text(1)}, lot {found.size_text(1)},"
        f" an order is worth {least} {found.quote} or more"
    )
    return Row(what=what, status="ok", measured=measured, limit="trades")


def _kinds(facts: "SessionFacts", settings: "Settings") -> Row:
    from mm.bootstrap.doctor_online import Missed

    what, mode = f"order kinds {facts.name}", settings.stp.venue_mode.upper()
    limit = f"post-only, self-trade prevention {mode}"
    if isinstance(facts.listing, Missed):
        return Row(what=what, status="skip", measured=facts.listing.reason, limit=limit)
    modes = facts.listing.stp_modes
    if not facts.listing.post_only or (modes and mode not in modes):
        known = ", ".join(modes) or "none"
        said = f"post-only {'yes' if facts.listing.post_only else 'no'}, prevention {known}"
        return Row(what=what, status="fail", measured=said, limit=limit, fix="choose another symbol or mode")
    if not modes:
        said = "post-only yes; the venue does not list its modes of prevention"
        return Row(what=what, status="warn", measured=said, limit=limit, fix="look it up at the venue")
    return Row(what=what, status="ok", measured=f"post-only and {mode} offered", limit=limit)


def _sizes(facts: "SessionFacts", settings: "Settings") -> Row:
    from mm.bootstrap.doctor_online import Missed

    what, limit = f"sizes {facts.name}", "each order inside the venue's filters and our limits"
    skipped = _unknown(what, facts, limit)
    instrument, top, ladder = facts.instrument, facts.top, ladder_of(settings.pair[facts.name].params)
    if skipped is not None or isinstance(instrument, Missed):
        return skipped or Row(what=what, status="skip", measured="", limit=limit)
    if isinstance(top, Missed):
        return Row(what=what, status="fail", measured=top.reason, limit=limit, fix=top.hint)
    if ladder is None:
        return Row(what=what, status="skip", measured="the strategy's parameters do not say", limit=limit)
    key = f"pair.{facts.name}.params.order_amount_base"
    for level, size in (*enumerate(ladder.bids_base), *enumerate(ladder.asks_base)):
        fault, fits = _size_fault(
            instrument, top, size, settings.risk_of(facts.name).max_order_notional_quote
        )
        if fault:
            measured = f"level {level}, {short_size(instrument, size)} {instrument.base}: {fault}"
            return Row(what=what, status="fail", measured=measured, limit=limit, fix=f"{key}: {fits}")
    worth = _amount(_worth(instrument, top, ladder.order_base_max), instrument.quote_scale)
    levels = max(len(ladder.bids_base), len(ladder.asks_base))
    measured = f"{levels} levels, the largest worth {worth} {instrument.quote} at this price"
    narrow = _narrow(settings.pair[facts.name].params, top)
    if narrow:
        return Row(what=what, status="warn", measured=f"{measured}; {narrow}", limit=limit, fix="widen it")
    return Row(what=what, status="ok", measured=measured, limit=limit)


def _lots(instrument: "Instrument", size: Decimal) -> int:
    return floor_atoms(size, instrument.base_scale) // instrument.lot_atoms


def short_size(instrument: "Instrument", size: Decimal) -> str:
    """Return a size of the config as the order would have it: rounded down to the lot."""
    return instrument.size_text(_lots(instrument, size))


def _worth(instrument: "Instrument", top: "Top", size: Decimal) -> int:
    return instrument.notional_atoms(top.ask_ticks, _lots(instrument, size))


def _size_fault(
    instrument: "Instrument", top: "Top", size: Decimal, order_quote_max: Decimal
) -> tuple[str, str]:
    # What is wrong with an order of this size at this price, and what would fit; two empty texts if nothing.
    lots, least = _lots(instrument, size), instrument.size_min_lots_at(top.bid_ticks)
    worth = instrument.notional_atoms(top.ask_ticks, lots)
    most_atoms = floor_atoms(order_quote_max, instrument.quote_scale)
    fits_most = min(instrument.size_max_lots, most_atoms // instrument.notional_atoms(top.ask_ticks, 1))
    fits = f"{instrument.size_text(least)} to {instrument.size_text(fits_most)} {instrument.base} fit"
    if lots < least:
        value = _amount(instrument.notional_atoms(top.bid_ticks, lots), instrument.quote_scale)
        return f"worth {value} {instrument.quote}, below the venue's least", fits
    if lots > instrument.size_max_lots:
        return f"above the venue's most, {instrument.size_text(instrument.size_max_lots)}", fits
    if worth > most_atoms:
        value = _amount(worth, instrument.quote_scale)
        return f"worth {value} {instrument.quote}, above max_order_notional_quote = {order_quote_max}", fits
    return "", ""


def _narrow(params: object, top: "Top") -> str:
    # A distance of less than a tick is one that the venue's grid does not have.
    for key in ("bid_spread_bps", "ask_spread_bps", "order_level_spread_bps"):
        value = getattr(params, key, None)
        if isinstance(value, Decimal) and value * top.bid_ticks < 10_000:
            return f"{key} = {value} is less than a tick"
    return ""


def _fees(facts: "SessionFacts", settings: "Settings") -> Row:
    from mm.bootstrap.doctor_online import Missed

    assumed = settings.paper.maker_fee_bps
    what, limit = f"fees {facts.name}", f"maker at most {assumed} bps, as [paper] assumes"
    instrument = facts.instrument
    if isinstance(instrument, Missed):
        return Row(what=what, status="skip", measured="the symbol cannot be traded", limit=limit)
    maker_ppm = instrument.maker_fee_ppm
    said = f"maker {_bps(maker_ppm)} bps, taker {_bps(instrument.taker_fee_ppm)} bps"
    status: Status = "ok"
    fix = ""
    if settings.mode == "paper":
        said += ": assumed, the venue tells it with a key only"
    elif maker_ppm > floor_atoms(assumed, 2):
        status, fix = "warn", "set paper.maker_fee_bps to it before you believe a paper run"
    earned = _width_ppm(settings.pair[facts.name].params)
    if earned is not None and earned < 2 * maker_ppm:
        status, fix = "warn", "widen the spreads, or set add_transaction_costs = true"
        said += f"; a round trip costs {_bps(2 * maker_ppm)} bps, its spread is {_bps(earned)} bps"
    return Row(what=what, status=status, measured=said, limit=limit, fix=fix)


def _width_ppm(params: object) -> int | None:
    # From the nearest bid to the nearest ask, where the parameters say it and fees are not added anyway.
    bid, ask = getattr(params, "bid_spread_bps", None), getattr(params, "ask_spread_bps", None)
    added = getattr(params, "add_transaction_costs", False)
    if not isinstance(bid, Decimal) or not isinstance(ask, Decimal) or added is True:
        return None
    return floor_atoms(bid, 2) + floor_atoms(ask, 2)


def _bps(ppm: int) -> str:
    return short_text(ppm, 2)  # a basis point is 100 parts per million


def _orders(facts: "SessionFacts", _: "Settings") -> Row:
    from mm.bootstrap.doctor_online import Missed

    what, limit, found = f"orders {facts.name}", "none open", facts.orders
    if isinstance(found, Missed):
        return Row(what=what, status="skip" if found.meant else "fail", measured=found.reason, limit=limit)
    if found.ours:
        measured = f"{found.ours} of ours, {found.foreign} of others"
        fix = "unless a daemon runs, the next start cancels what is ours"
        return Row(what=what, status="warn", measured=measured, limit=limit, fix=fix)
    if found.foreign:
        measured = f"{found.foreign} of others: never touched, but they hold funds"
        return Row(what=what, status="warn", measured=measured, limit=limit, fix="yours? look at the venue")
    return Row(what=what, status="ok", measured="none", limit=limit)


def _funds(facts: "SessionFacts", settings: "Settings") -> Row:
    from mm.bootstrap.doctor_online import Missed

    what, limit = f"funds {facts.name}", "enough for the first ladder"
    instrument, top, ladder = facts.instrument, facts.top, ladder_of(settings.pair[facts.name].params)
    if isinstance(instrument, Missed) or isinstance(top, Missed) or ladder is None:
        return Row(what=what, status="skip", measured="what the ladder needs is not known", limit=limit)
    needs_base = ceil_atoms(sum(ladder.asks_base, Decimal(0)), instrument.base_scale)
    bought_lots = _lots(instrument, sum(ladder.bids_base, Decimal(0)))
    needs_quote = instrument.notional_atoms(top.bid_ticks, bought_lots + 1)
    balances = facts.balances
    if isinstance(balances, Missed):
        if settings.mode != "paper":
            return Row(what=what, status="fail", measured=balances.reason, limit=limit, fix=balances.hint)
        balances = {
            instrument.base: floor_atoms(settings.paper.start_base, instrument.base_scale),
            instrument.quote: floor_atoms(settings.paper.start_quote, instrument.quote_scale),
        }
    has_base, has_quote = balances.get(instrument.base, 0), balances.get(instrument.quote, 0)
    measured = (
        f"{_amount(has_base, instrument.base_scale)} of {_amount(needs_base, instrument.base_scale)}"
        f" {instrument.base}, {_amount(has_quote, instrument.quote_scale)} of"
        f" {_amount(needs_quote, instrument.quote_scale)} {instrument.quote}"
    )
    if settings.mode == "paper":
        measured += " (the paper account)"
    short = [
        name
        for name, has, needs in (
            (instrument.base, has_base, needs_base),
            (instrument.quote, has_quote, needs_quote),
        )
        if has < needs
    ]
    if short:
        fix = f"{' and '.join(short)}: add some, or smaller orders; what is not funded is not quoted"
        return Row(what=what, status="warn", measured=measured, limit=limit, fix=fix)
    return Row(what=what, status="ok", measured=measured, limit=limit)


def _amount(atoms: int, scale: int) -> str:
    return short_text(atoms, scale)


JUDGES: Final[tuple[tuple[str, Judge], ...]] = (
    ("symbol", _symbol),
    ("order kinds", _kinds),
    ("sizes", _sizes),
    ("fees", _fees),
    ("orders", _orders),
    ("funds", _funds),
)
"""The judgements on a session, each with the first word of its row's name."""
