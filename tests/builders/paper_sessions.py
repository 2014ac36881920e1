"""A short session on paper over a market that is replayed, with a journal: for whoever reads such runs."""

from pathlib import Path
from typing import Final

from mm.bootstrap import run as run_bot
from mm.settings.options import RunOptions
from mm.store.journal.layout import runs
from tests.builders.configs import loaded
from tests.builders.exchange_thread import hosted_replay
from tests.builders.recordings import Tape

SPEED: Final = 20.0
TEXT: Final = """\
mode = "paper"
data_dir = "{data_dir}"

[venue.main]
url = "{url}"

[pair.btc]
symbol = "BTC/USDT"

[pair.btc.params]
bid_spread_bps = {spread}
ask_spread_bps = {spread}
order_amount_base = 0.002
order_refresh_time_ms = {refresh_ms}

[paper]
latency_mean_ms = 40
latency_p99_ms = 90
"""


def busy_market(seconds: int, *, print_every: int = 5) -> Tape:
    """Return a market that steps up and down, ten times a second; one step in `print_every` comes with prints
    through both sides of its book.
    """
    tape = Tape(step_ms=20)
    tape.diff((("60980.00000000", "1.00000000"),))
    tape.snapshot(
        (("61000.00000000", "0.05000000"), ("60990.00000000", "5.00000000")),
        (("61000.10000000", "0.05000000"), ("61010.00000000", "5.00000000")),
        last=tape.last,
    )
    tape.trade("61000.00000000", "0.00001000", buyer_is_maker=True)
    for number in range(seconds * 10):
        size = f"0.05{number % 50 + 1:06d}"
        wide = number // 7 % 2
        low, high = ("60999.80", "61000.40") if wide else ("61000.00000000", "61000.10000000")
        gone = (("60999.80000000", "0.0"), ("61000.00000000", "0.0"))
        off = (("61000.40000000", "0.0"), ("61000.10000000", "0.0"))
        tape.diff((*gone, (low, size)), (*off, (high, size)))
        if number % print_every == 0:
            tape.trade("60999.00000000", "0.03000000", buyer_is_maker=True)
            tape.trade("61001.00000000", "0.03000000", buyer_is_maker=False)
        tape.now_ms += 20
    return tape


def paper_session(
    folder: Path, *, seconds: int, spread: str = "0.05", refresh_ms: int = 1_000, print_every: int = 5
) -> Path:
    """Run on paper for so many seconds of the market; return the run's directory. The config is
    `folder/mm.toml`, the data directory `folder/data`.
    """
    tape = busy_market(seconds + 40, print_every=print_every).save(folder / "tape.gz")
    with hosted_replay(tape, speed=SPEED) as hosted:
        text = TEXT.format(url=hosted.url, spread=spread, refresh_ms=refresh_ms, data_dir=folder / "data")
        run_bot(RunOptions(settings=loaded(folder, text, []), duration_ns=seconds * 10**9))
    return runs(folder / "data")[0].directory
