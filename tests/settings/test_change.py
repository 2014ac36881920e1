"""What differs between two configs, when it applies, and what loosens a limit."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.errors import ConfigError
from mm.settings import change
from mm.settings.catalogue import settings_keys
from mm.settings.change import LOOSER, Change, Looser, changes, in_force, to_confirm
from mm.settings.loader import leaves, settings_of
from mm.settings.models import Settings
from mm.strategies.base import Applies

TEXT = """\
mode = "demo"

[pair.btc]
symbol = "BTC/USDT"

[pair.btc.params]
bid_spread_bps = 4
ask_spread_bps = 4
order_amount_base = 0.01
order_refresh_time_ms = 2_000

[pair.btc.inventory]
max_base = 0.1

[pair.eth]
symbol = "ETH/USDT"

[pair.eth.params]
bid_spread_bps = 4
ask_spread_bps = 4
order_amount_base = 0.01
order_refresh_time_ms = 2_000

[pair.eth.risk]
session_loss_quote = 50

[risk]
max_notional_quote = 5_000
"""


def made(text: str = TEXT, **replaced: str) -> Settings:
    """Return the settings of a text; each name's first line is replaced by the line that is given for it."""
    lines = text.splitlines()
    for name, line in replaced.items():
        at = next(number for number, one in enumerate(lines) if one.startswith(f"{name} ="))
        lines[at] = line
    return settings_of("\n".join(lines) + "\n", Path("mm.toml"), (), {})


def only(found: tuple[Change, ...]) -> Change:
    """Return the one change."""
    assert len(found) == 1, found
    return found[0]


def added(table: str, line: str) -> Settings:
    """Return the settings with one line more in a table."""
    header = f"[{table}]\n"
    text = TEXT.replace(header, f"{header}{line}\n") if header in TEXT else f"{TEXT}\n{header}{line}\n"
    return settings_of(text, Path("mm.toml"), (), {})


def test_every_limit_of_the_models_has_a_direction() -> None:
    """A new key of these tables has to be thought about; one that is gone leaves no row behind."""
    limits = {
        key.name
        for key in settings_keys()
        if key.name.startswith(("risk.", "account.", "pair.NAME.risk.", "pair.NAME.inventory."))
    }
    assert limits == set(LOOSER)


def test_the_same_text_changes_nothing() -> None:
    """Comments and the order of lines are no change either."""
    assert changes(made(), made()) == ()
    assert changes(made(), made("# said\n" + TEXT)) == ()


def test_however_much_changed_each_config_is_walked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon compares while it trades: many sessions that all change may not take it the longer."""
    walked: list[object] = []

    def counted(value: object) -> object:
        walked.append(value)
        return leaves(value)

    monkeypatch.setattr(change, "leaves", counted)
    old, new = made(), made(max_notional_quote="max_notional_quote = 9", bid_spread_bps="bid_spread_bps = 9")
    assert len(changes(old, new)) == 2
    assert walked == [old, new]


def test_a_change_tells_old_new_place_and_when() -> None:
    """A parameter of a strategy applies to the next quotes, a limit at once."""
    found = only(changes(made(), made(bid_spread_bps="bid_spread_bps = 5")))
    assert (found.key, found.old, found.new) == ("pair.btc.params.bid_spread_bps", Decimal(4), Decimal(5))
    assert (found.source, found.applies, found.loosens) == ("mm.toml:7", Applies.NEXT_QUOTE, False)
    found = only(changes(made(), made(max_notional_quote="max_notional_quote = 4_000")))
    assert (found.applies, found.loosens) == (Applies.NOW, False)
    found = only(changes(made(), added("log", 'level = "debug"')))
    assert (found.key, found.applies, found.source) == ("log.level", Applies.RESTART, "mm.toml:31")


LOW_HIGH = {
    "max_notional_quote": ("300", "400"),
    "max_order_notional_quote": ("100", "240"),
    "max_order_base": ("0.02", "0.04"),
    "max_open_orders": ("4", "8"),
    "session_loss_quote": ("60", "90"),
    "open_loss_quote": ("60", "90"),
    "max_drawdown_ratio": ("0.01", "0.02"),
    "max_slippage_bps": ("5", "10"),
    "max_orders_per_minute": ("10", "20"),
    "max_fills_per_minute": ("10", "20"),
    "max_filled_quote_per_minute": ("100", "200"),
    "price_collar_bps": ("50", "100"),
    "stale_book_ms": ("1000", "1500"),
    "max_base": ("0.05", "0.08"),
    "max_ratio": ("0.02", "0.04"),
    "soft_ratio": ("0.2", "0.4"),
}
"""A tighter and a looser value of each limit, both tighter than its default."""


@pytest.mark.parametrize("key", [key for key, way in LOOSER.items() if way is Looser.LARGER])
def test_a_limit_that_grows_loosens_and_one_that_shrinks_does_not(key: str) -> None:
    """Off, or the account's, is the largest of all."""
    table, _, name = key.replace("NAME", "btc").rpartition(".")
    low, high = (f"{name} = {value}" for value in LOW_HIGH[name])
    if key in ("risk.max_notional_quote", "pair.NAME.inventory.max_base"):
        first, second = made(**{name: low}), made(**{name: high})
    else:
        first, second = added(table, low), added(table, high)
    assert only(changes(first, second)).loosens
    assert not only(changes(second, first)).loosens
    assert only(changes(second, made())).loosens
    assert not only(changes(made(), second)).loosens


@pytest.mark.parametrize(
    ("table", "line"),
    [("risk", 'on_breach = "flatten"'), ("pair.btc.inventory", "target_base = 1")],
)
def test_where_neither_way_is_tighter_any_change_needs_a_word(table: str, line: str) -> None:
    """There and back."""
    other = added(table, line)
    assert only(changes(made(), other)).loosens
    assert only(changes(other, made())).loosens


def test_a_limit_of_a_session_that_goes_counts_by_what_holds_instead() -> None:
    """The account's: lower than its own was, so nothing gets looser."""
    own = added("pair.btc.risk", "max_notional_quote = 4_000")
    assert only(changes(own, made())).loosens
    text = TEXT.replace("max_notional_quote = 5_000", "max_notional_quote = 3_000")
    lowered = settings_of(text, Path("mm.toml"), (), {})
    assert [change.loosens for change in changes(own, lowered)] == [False, False]


def test_a_limit_of_a_session_that_says_what_holds_anyway_loosens_nothing() -> None:
    """Nor does taking it out again."""
    said = added("pair.eth.risk", "max_notional_quote = 5_000")
    assert only(changes(made(), said)).loosens is False
    assert only(changes(said, made())).loosens is False


def test_a_session_that_comes_or_goes_is_one_change_that_waits() -> None:
    """It takes a restart, and it is told as a whole."""
    one = settings_of(
        TEXT[: TEXT.index("[pair.eth]")] + "[risk]\nmax_notional_quote = 5_000\n", "mm.toml", (), {}
    )
    gone = only(changes(made(), one))
    assert (gone.key, gone.new, gone.applies) == ("pair.eth", None, Applies.RESTART)
    came = only(changes(one, made()))
    assert (came.key, came.old, came.applies) == ("pair.eth", None, Applies.RESTART)
    assert came.source == "mm.toml:16"
    assert list(in_force(one, made(), (came,)).pair) == ["btc"]
    kept = in_force(made(), one, (gone,))
    assert list(kept.pair) == ["btc", "eth"]
    assert kept.sources["pair.eth.risk.session_loss_quote"] == "mm.toml:25"


def test_what_takes_a_restart_stays_and_the_rest_is_taken() -> None:
    """Each value keeps the place that it is from."""
    text = TEXT.replace('symbol = "BTC/USDT"', 'symbol = "LTC/USDT"').replace(
        "bid_spread_bps = 4", "bid_spread_bps = 5", 1
    )
    new = settings_of(text + "[log]\nlevel = 'debug'\n", Path("mm.toml"), (), {})
    found = changes(made(), new)
    assert [change.key for change in found] == [
        "pair.btc.symbol",
        "pair.btc.params.bid_spread_bps",
        "log.level",
    ]
    held = in_force(made(), new, found)
    assert (held.pair["btc"].symbol, held.log.level) == ("BTC/USDT", "info")
    assert dict(leaves(held))["pair", "btc", "params", "bid_spread_bps"] == Decimal(5)
    assert held.text == new.text
    assert (held.sources["log.level"], new.sources["log.level"]) == ("default", "mm.toml:30")
    assert held.sources["pair.btc.params.bid_spread_bps"] == "mm.toml:7"
    assert changes(made(), held) == (found[1],)
    assert [change.applies for change in changes(held, new)] == [Applies.RESTART] * 2


def test_what_live_mode_needs_said_is_said_in_what_is_left_too() -> None:
    """A limit in money that the file states is no default because something else waits for a restart."""
    live = TEXT.replace("demo", "live") + "max_order_notional_quote = 200\nsession_loss_quote = 60\n"
    live += '[venue.main]\nkey = "env:KEY"\nsecret = "env:SECRET"\n'
    old, new = (
        settings_of(live + f"[log]\nlevel = '{level}'\n", Path("mm.toml"), (), {})
        for level in ("info", "debug")
    )
    assert in_force(old, new, changes(old, new)).log.level == "info"


def test_another_strategy_waits_with_its_parameters(tmp_path: Path) -> None:
    """They mean nothing to the one that runs."""
    text = TEXT.replace('symbol = "BTC/USDT"\n', 'symbol = "BTC/USDT"\nstrategy = "glft"\n', 1)
    text = text.replace(
        "bid_spread_bps = 4\nask_spread_bps = 4\norder_amount_base = 0.01\norder_refresh_time_ms = 2_000\n",
        "risk_factor = 0.01\norder_amount_base = 0.02\narrival_rate_per_s = 0.5\nfill_decay_per_bps = 0.3\n",
        1,
    )
    new = settings_of(text, Path("mm.toml"), (), {})
    found = changes(made(), new)
    assert {change.applies for change in found} == {Applies.RESTART}
    assert in_force(made(), new, found).pair["btc"].params == made().pair["btc"].params


STRATEGY = """\
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from mm.strategies.base import About, Applies, Wake


class Mine:
    @dataclass(frozen=True, kw_only=True)
    class Params:
        size: Annotated[int, About("Size.")] = 1
        depth: Annotated[int, About("Depth.", Applies.RESTART)] = 1

        def __post_init__(self):
            if self.size > self.depth * 10:
                raise ValueError("size was too large for the depth")

    needs, wake = (), Wake()

    def __init__(self, params, instrument):
        pass

    def initial_memory(self):
        return None

    def quotes(self, view):
        return None
"""


def mine(folder: Path, params: str, code: str = STRATEGY) -> Settings:
    """Return the settings of a config with a strategy of its own."""
    (folder / "mine.py").write_text(code)
    text = f'mode = "demo"\n[pair.a]\nsymbol = "A/B"\nstrategy = "./mine.py"\n[pair.a.params]\n{params}\n'
    return settings_of(text, folder / "mm.toml", (), {})


def test_parameters_say_themselves_when_they_apply(tmp_path: Path) -> None:
    """One that takes a restart is held back alone."""
    old, new = mine(tmp_path, "size = 1\ndepth = 1"), mine(tmp_path, "size = 2\ndepth = 3")
    found = changes(old, new)
    assert [change.applies for change in found] == [Applies.NEXT_QUOTE, Applies.RESTART]
    params = in_force(old, new, found).pair["a"].params
    assert (getattr(params, "size", 0), getattr(params, "depth", 0)) == (2, 1)


def test_what_is_left_has_to_go_together(tmp_path: Path) -> None:
    """Else the whole edit is refused: a part of it was never looked at as a config."""
    old, new = mine(tmp_path, "size = 1\ndepth = 1"), mine(tmp_path, "size = 20\ndepth = 3")
    with pytest.raises(ConfigError, match=r"size was too large.*depth waits for a restart"):
        in_force(old, new, changes(old, new))
    without = (
        TEXT[: TEXT.index("[pair.eth]")] + "[risk]\nsession_loss_quote = 40\nmax_notional_quote = 5_000\n"
    )
    new = settings_of(without, Path("mm.toml"), (), {})
    with pytest.raises(ConfigError, match=r"looser than the account's 40, while pair.eth waits"):
        in_force(made(), new, changes(made(), new))


def test_an_edited_strategy_waits_for_a_restart_with_its_parameters(tmp_path: Path) -> None:
    """The running class keeps the parameters that are its own."""
    old = mine(tmp_path, "size = 1")
    new = mine(tmp_path, "size = 2", STRATEGY + "# edited\n")
    found = changes(old, new)
    assert [(change.key, change.applies) for change in found] == [
        ("pair.a.strategy", Applies.RESTART),
        ("pair.a.params.size", Applies.RESTART),
    ]
    assert in_force(old, new, found).pair["a"].params is old.pair["a"].params


def test_what_was_confirmed_once_is_not_asked_about_again() -> None:
    """A target that waits for the restart is different from what runs, and accepted all the same."""
    waiting = added("pair.btc.inventory", "target_base = 1")
    found = changes(made(), waiting)
    assert to_confirm(found, made()) == found
    assert to_confirm(found, waiting) == ()
    other = added("pair.btc.inventory", "target_base = 2")
    assert len(to_confirm(changes(made(), other), waiting)) == 1


LIMITS = {
    "max_notional_quote": st.integers(300, 9_000),
    "max_order_notional_quote": st.integers(10, 300),
    "max_open_orders": st.integers(2, 90),
    "session_loss_quote": st.integers(1, 500),
    "max_slippage_bps": st.integers(1, 90),
    "stale_book_ms": st.integers(100, 9_000),
}


@st.composite
def configs(draw: st.DrawFn) -> str:
    """Draw a config with limits of the account and of a session."""
    account = {name: draw(values) for name, values in LIMITS.items() if draw(st.booleans())}
    own = {name: draw(values) for name, values in LIMITS.items() if draw(st.booleans())}
    lines = ['mode = "demo"', "[pair.btc]", 'symbol = "BTC/USDT"', "[pair.btc.params]"]
    lines += [
        "bid_spread_bps = 4",
        "ask_spread_bps = 4",
        "order_amount_base = 0.001",
        "order_refresh_time_ms = 1",
    ]
    lines += ["[pair.btc.inventory]", f"max_ratio = {draw(st.sampled_from(['0.1', '0.2', '0.3']))}"]
    for header, table in (("[pair.btc.risk]", own), ("[risk]", account)):
        lines += [header, *(f"{name} = {value}" for name, value in table.items())]
    return "\n".join(lines) + "\n"


@given(edits=st.lists(configs(), min_size=2, max_size=8))
def test_no_sequence_of_unconfirmed_edits_ever_loosens_a_limit(edits: list[str]) -> None:
    """Compared limit by limit with what was in force at the start, for the account and for the session."""
    texts = []
    for text in edits:
        try:
            texts.append(settings_of(text, Path("mm.toml"), (), {}))
        except ConfigError:
            continue
    running = accepted = texts[0] if texts else made()
    for new in texts[1:]:
        found = changes(running, new)
        if to_confirm(found, accepted):
            continue
        before, running = running, in_force(running, new, found)
        accepted = new
        for name in LIMITS:
            for held, holds in ((before.risk, running.risk), (before.risk_of("btc"), running.risk_of("btc"))):
                assert getattr(holds, name) <= getattr(held, name)
        assert running.pair["btc"].inventory.max_ratio <= before.pair["btc"].inventory.max_ratio
