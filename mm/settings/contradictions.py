"""What keys have to do with each other: limits that contradict, names that lead nowhere, modes without means.

Each check is a generator of problems over settings whose single keys are fine. A default that disagrees with
a stated key is no contradiction unless the stated one claims more than the default allows.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from difflib import get_close_matches
from typing import Final, TypeAlias

from mm.domain.watched import split_name
from mm.errors import ForeignAddress
from mm.settings.exposure import ladder_of
from mm.settings.lines import KeyPath
from mm.settings.models import FileSettings, PairRiskSettings
from mm.settings.problems import Problem
from mm.settings.unplaceable import limits_of, unplaceable
from mm.settings.values import host_is_loopback, plain
from mm.settings.watched import watched_names

P99_MAX: Final = 14
"""How many times the average latency the slowest in a hundred may take: a log-normal allows 14.9."""

Stated: TypeAlias = Callable[[KeyPath], bool]
"""Tells whether somebody set the key at a path."""

LIVE_LIMITS: Final = ("max_notional_quote", "max_order_notional_quote", "session_loss_quote")
"""Limits in money that live mode does not choose for its user: what a unit is worth depends on the asset."""


def contradictions(settings: FileSettings, *, stated: Stated) -> list[Problem]:
    """Return everything that does not go together; raises ForeignAddress for a demo pointed elsewhere."""
    _refuse_foreign_demo(settings)
    return [
        *_venues(settings),
        *_live_needs(settings, stated),
        *_account_limits(settings, stated),
        *_looser_pairs(settings),
        *_targets(settings),
        *_exits(settings, stated),
        *_ladders(settings),
        *_paper(settings),
        *_watched(settings),
        *unplaceable(settings),
    ]


def _targets(settings: FileSettings) -> Iterator[Problem]:
    for name, pair in settings.pair.items():
        inventory = pair.inventory
        if inventory.target_base is not None and inventory.target_base_ratio is not None:
            message = f"was {plain(inventory.target_base_ratio)} beside target_base, expected one of them"
            hint = "target_base is an amount, target_base_ratio a share of what the account is worth"
            path = ("pair", name, "inventory", "target_base_ratio")
            yield Problem(path=path, message=message, hint=hint)


def _refuse_foreign_demo(settings: FileSettings) -> None:
    for name, venue in settings.venue.items():
        if settings.mode == "demo" and venue.url is not None and not host_is_loopback(venue.url):
            raise ForeignAddress(
                f"venue.{name}.url: a demo trades on this machine alone, and that address is elsewhere",
                hint="leave url out: demo mode starts its own exchange",
            )


def _venues(settings: FileSettings) -> Iterator[Problem]:
    first = ""
    for name, pair in settings.pair.items():
        path = ("pair", name, "venue")
        if pair.venue not in settings.venue:
            near = get_close_matches(pair.venue, settings.venue, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(settings.venue)}"
            message = f'was "{pair.venue}", but there is no [venue.{pair.venue}]'
            yield Problem(path=path, message=message, hint=hint)
        elif first and pair.venue != settings.pair[first].venue:
            message = f'was "{pair.venue}", but [pair.{first}] is on "{settings.pair[first].venue}"'
            hint = "one daemon trades one account: run another for this one"
            yield Problem(path=path, message=message, hint=hint)
        first = first or name
    for name, venue in settings.venue.items():
        for key, other in (("watchdog_key", "watchdog_secret"), ("watchdog_secret", "watchdog_key")):
            if getattr(venue, key) is None and getattr(venue, other) is not None:
                message = f"missing, but {other} is there"
                hint = "a key of the watchdog's own needs both; without both it uses the account's"
                yield Problem(path=("venue", name, key), message=message, hint=hint)


def _live_needs(settings: FileSettings, stated: Stated) -> Iterator[Problem]:
    if settings.mode != "live":
        return
    for name in dict.fromkeys(pair.venue for pair in settings.pair.values()):
        venue = settings.venue.get(name)
        for key in ("key", "secret"):
            if venue is not None and getattr(venue, key) is None:
                hint = f'write {key} = "env:NAME" or "file:PATH"'
                yield Problem(path=("venue", name, key), message="missing, needed in live mode", hint=hint)
    for key in LIVE_LIMITS:
        if not stated(("risk", key)):
            yield Problem(
                path=("risk", key),
                message="missing: live mode does not guess limits in money",
                hint=f"write {key} = ... in [risk], in the quote asset",
            )


def _account_limits(settings: FileSettings, stated: Stated) -> Iterator[Problem]:
    order, position = settings.risk.max_order_notional_quote, settings.risk.max_notional_quote
    both = stated(("risk", "max_order_notional_quote")) and stated(("risk", "max_notional_quote"))
    if both and order > position:
        message = f"was {plain(order)}, expected at most max_notional_quote, {plain(position)}"
        yield Problem(path=("risk", "max_order_notional_quote"), message=message)
    for name, pair in settings.pair.items():
        order_own, position_own = pair.risk.max_order_notional_quote, pair.risk.max_notional_quote
        if order_own is not None and position_own is not None and order_own > position_own:
            message = f"was {plain(order_own)}, expected at most max_notional_quote, {plain(position_own)}"
            yield Problem(path=("pair", name, "risk", "max_order_notional_quote"), message=message)


def _looser_pairs(settings: FileSettings) -> Iterator[Problem]:
    for name, pair in settings.pair.items():
        for key in PairRiskSettings.model_fields:
            own, account = getattr(pair.risk, key), getattr(settings.risk, key)
            if own is not None and account is not None and own > account:
                shown, limit = plain(Decimal(own)), plain(Decimal(account))
                yield Problem(
                    path=("pair", name, "risk", key),
                    message=f"was {shown}, looser than the account's {limit}",
                    hint=f"a session may only tighten: at most {limit}, or raise {key} in [risk]",
                )


def _exits(settings: FileSettings, stated: Stated) -> Iterator[Problem]:
    # Outside the collar no exit would ever leave.
    own = ((("pair", name, "risk"), limits_of(settings, name)) for name in settings.pair)
    for table, risk in ((("risk",), settings.risk), *own):
        collar, slippage = risk.price_collar_bps, risk.max_slippage_bps
        if slippage <= collar:
            continue
        if stated((*table, "max_slippage_bps")):
            message = f"was {plain(slippage)}, expected at most price_collar_bps, {plain(collar)}"
            yield Problem(path=(*table, "max_slippage_bps"), message=message)
        elif stated((*table, "price_collar_bps")):
            message = f"was {plain(collar)}, expected at least max_slippage_bps, {plain(slippage)}"
            yield Problem(path=(*table, "price_collar_bps"), message=message)


def _ladders(settings: FileSettings) -> Iterator[Problem]:
    for name, pair in settings.pair.items():
        ladder = ladder_of(pair.params)
        if ladder is None:
            continue
        order, band = ladder.order_base_max, pair.inventory.max_base
        size_path = ("pair", name, "params", "order_amount_base")
        if band is not None and order > band:
            message = f"makes an order of {plain(order)}, larger than inventory.max_base, {plain(band)}"
            yield Problem(path=size_path, message=message, hint="such an order could never be placed")
        size_limits = (pair.risk.max_order_base, settings.risk.max_order_base)
        limit = min((size for size in size_limits if size is not None), default=None)
        if limit is not None and order > limit:
            message = f"makes an order of {plain(order)}, larger than max_order_base, {plain(limit)}"
            yield Problem(path=size_path, message=message, hint="such an order would always be denied")
        orders_max = pair.risk.max_open_orders or settings.risk.max_open_orders
        if ladder.orders > orders_max:
            message = f"makes {ladder.orders} orders on both sides, more than max_open_orders, {orders_max}"
            yield Problem(path=("pair", name, "params", "order_levels"), message=message)


def _watched(settings: FileSettings) -> Iterator[Problem]:
    # Other markets that a strategy's parameters name, under the key of which they say so.
    used = {pair.venue for pair in settings.pair.values()}
    others = [name for name in settings.venue if name not in used]
    for name, pair in settings.pair.items():
        for symbol in watched_names(pair.params):
            venue = split_name(symbol)[0]
            path = ("pair", name, "params", getattr(pair.params, "watched_key", ""))
            if venue in used:
                message = f"names {symbol}, which is of the venue that is traded on"
                yield Problem(path=path, message=message, hint=f'leave "{venue}:" out')
            elif venue and venue not in others:
                message = f"names {symbol}, but there is no [venue.{venue}]"
                known = ", ".join(others) or "none"
                yield Problem(path=path, message=message, hint=f"other venues of this config: {known}")


def _paper(settings: FileSettings) -> Iterator[Problem]:
    paper = settings.paper
    if paper.latency_p99_ms < paper.latency_mean_ms:
        yield Problem(
            path=("paper", "latency_p99_ms"),
            message=f"was {paper.latency_p99_ms}, below latency_mean_ms = {paper.latency_mean_ms}",
            hint="the slowest in a hundred are no faster than the average",
        )
    elif paper.latency_p99_ms > P99_MAX * paper.latency_mean_ms:
        yield Problem(
            path=("paper", "latency_p99_ms"),
            message=f"was {paper.latency_p99_ms}, more than {P99_MAX} times latency_mean_ms",
            hint="no distribution of latencies has such a tail and that mean",
        )
