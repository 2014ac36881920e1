"""The report of a run as JSON."""

import json

from mm.settings.options import RunReport


def test_a_report_holds_the_agreed_figures() -> None:
    """The names that the acceptance of the demo fixes are all there, ready for JSON."""
    report = RunReport(
        orders_placed=3,
        orders_cancelled=1,
        fills=2,
        first_fill_s=1.5,
        self_trades=0,
        limit_breaches=0,
        open_orders_at_exit=0,
        pnl_residual=0,
        messages_per_fill=2.0,
        exit_reason="duration",
    )

    told = json.loads(json.dumps(report.as_dict()))

    for name in (
        "orders_placed",
        "orders_cancelled",
        "fills",
        "first_fill_s",
        "self_trades",
        "limit_breaches",
        "open_orders_at_exit",
        "pnl_residual",
        "messages_per_fill",
        "exit_reason",
    ):
        assert name in told
    assert told["exit_code"] == 0
