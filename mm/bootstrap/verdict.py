"""How a run went by the truth of a venue that tells it: limits, self-trades, what explains the P&L."""

from collections import Counter
from collections.abc import Sequence

from mm.bootstrap.assemble import limits
from mm.bootstrap.trade import Bot
from mm.engine.session import Session
from mm.observe import judge
from mm.settings.options import RunReport


def judged(bot: Bot, truths: Sequence[judge.Truth], *, began_ns: int, run_s: float) -> RunReport:
    """Return how a run went.

    Args:
        truths: one per symbol; all tell the account's same balances.
        began_ns: when the command began, by the venue's clock.
    """
    counters = [truth.counters for truth in truths]
    placed, cancelled = (
        sum(one.orders_placed for one in counters),
        sum(one.orders_cancelled for one in counters),
    )
    fills = sum(one.fills for one in counters)
    first = min((one.first_fill_ns for one in counters if one.first_fill_ns), default=0)
    return RunReport(
        orders_placed=placed,
        orders_cancelled=cancelled,
        fills=fills,
        first_fill_s=round((first - began_ns) / 1e9, 3) if first else None,
        self_trades=sum(judge.self_trades(truth) for truth in truths),
        limit_breaches=sum(_breaches(bot, truth) for truth in truths),
        open_orders_at_exit=sum(one.open_orders for one in counters),
        pnl_residual=_residual(bot, truths[0]),
        messages_per_fill=round((placed + cancelled) / fills, 2) if fills else None,
        exit_reason=bot.outcome.reason,
        pnl_quote=bot.pnl_quote,
        quote=bot.quote,
        run_s=round(run_s, 3),
        exit_code=bot.exit_code,
    )


def _residual(bot: Bot, truth: judge.Truth) -> int:
    # The account has one ledger, whichever session moved it.
    positions = [session.position for session in bot.state.sessions]
    ledger_atoms: Counter[str] = Counter()
    for position in positions:
        ledger_atoms.update(position.ledger_atoms())
    residual_half = sum(abs(position.residual_half) for position in positions)
    return judge.pnl_residual(truth, ledger_atoms, residual_half)


def _breaches(bot: Bot, truth: judge.Truth) -> int:
    sessions = [s for s in bot.state.sessions if s.setup.instrument.symbol == truth.instrument.symbol]
    inventory_lots = sum(session.position.inventory_lots for session in sessions)
    return judge.limit_breaches(truth, _limits(bot, sessions), inventory_lots=inventory_lots)


def _limits(bot: Bot, sessions: Sequence[Session]) -> judge.Limits:
    # Of all sessions on the symbol: their bands add up, the rest is the account's.
    # Where the config changed while it ran, an order may have been placed under the loosest.
    held = [
        limits(config, session.name, session.setup.instrument)
        for config in bot.configs
        for session in sessions
    ]
    return judge.Limits(
        band_lots=sum(session.band_lots_seen_max for session in sessions),
        order_lots=max(one.order_lots_max for one in held),
        order_atoms=max(one.order_atoms_max for one in held),
        exposure_atoms=max(one.exposure_atoms_max for one in held),
        open_orders=max(one.open_orders_max for one in held),
        tick_lot_atoms=sessions[0].setup.instrument.tick_lot_atoms,
    )
