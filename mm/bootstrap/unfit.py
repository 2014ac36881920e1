"""A ladder that the venue cannot take is a mistake of the config, and found out with the first quotes.

What an order is worth depends on the price, so it cannot be checked before the book is there. Once something
was placed, a size that no longer fits is a state of the market and trading goes on. So it does where the size
as configured would do, and a limit or the funds left too little of it.
"""

from decimal import Decimal

from mm.domain.commands import Report
from mm.domain.instrument import Instrument
from mm.domain.units import floor_atoms
from mm.errors import ConfigError
from mm.runtime.live import LiveRuntime
from mm.settings.models import Settings


class UnfitLadder:
    """An observer that ends a run whose very first quotes are outside the venue's filters."""

    def __init__(self, settings: Settings) -> None:
        """Keep where the values came from; `runtime` is set before the run."""
        self.runtime: LiveRuntime | None = None
        self._settings = settings
        self._found: ConfigError | None = None

    def __call__(self, report: Report) -> None:
        """Take in one report."""
        assert self.runtime is not None
        if report.code == "quotes.unfit" and not self.runtime.history.placed and self._found is None:
            self._found = self._error(report, _instrument(self.runtime, report.session))
            if self._found is not None:
                self.runtime.stop("orders outside the venue's filters")

    def raise_if_found(self) -> None:
        """Raise the ConfigError of the ladder that did not fit, if there was one."""
        if self._found is not None:
            raise self._found

    def _error(self, report: Report, instrument: Instrument) -> ConfigError | None:
        # None if the order as configured would do: then a limit or the funds left too little of it.
        facts = dict(report.facts)
        amount = getattr(self._settings.pair[report.session].params, "order_amount_base", None)
        if not isinstance(amount, Decimal):
            return None
        if floor_atoms(amount, instrument.base_scale) >= int(facts["least_lots"]) * instrument.lot_atoms:
            return None
        key = f"pair.{report.session}.params.order_amount_base"
        place = self._settings.sources.get(key, f"pair.{report.session}.params")
        size, price = int(facts["size_lots"]), int(facts["price_ticks"])
        worth = instrument.quote_text(instrument.notional_atoms(price, size))
        least = instrument.size_text(int(facts["least_lots"]))
        return ConfigError(
            f"{place}: {key}: an order of {instrument.size_text(size)} {instrument.base} at"
            f" {instrument.price_text(price)} is worth {worth} {instrument.quote}, outside the venue's"
            " filters",
            hint=f"at this price the venue takes {least} {instrument.base} or more",
        )


def _instrument(runtime: LiveRuntime, name: str) -> Instrument:
    sessions = runtime.engine.state.sessions
    return next(session.setup.instrument for session in sessions if session.name == name)
