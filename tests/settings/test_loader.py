"""From a file, variables and flags to settings, or to an error that says where and what to do."""

import contextlib
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.errors import EXIT_CONFIG, ConfigError, ForeignAddress
from mm.settings.loader import DEMO_FILE, FILE_BYTES_MAX, demo_settings, leaves, load_settings
from mm.settings.models import Settings
from mm.strategies.pure_market_making import PureMarketMaking
from tests.builders.configs import SMALL, loaded, refused

CONFIGS = Path(__file__).parents[2] / "config"


def with_line(line: str) -> str:
    """The small config with one more line at its end, that is in [risk], line 17."""
    return f"{SMALL}{line}\n"


def test_a_small_config_gets_safe_defaults(tmp_path: Path) -> None:
    """What is not stated has a default, and every value says where it came from."""
    settings = loaded(tmp_path)

    assert settings.mode == "demo"
    assert settings.risk.max_notional_quote == Decimal(5_000)
    assert settings.risk.on_breach == "cancel_and_halt"
    assert settings.pair["btc"].inventory.max_ratio == Decimal("0.10")
    assert settings.venue["main"].id == "binance"
    assert settings.path == tmp_path / "mm.toml"
    assert settings.sources["mode"] == f"{tmp_path}/mm.toml:1"
    assert settings.sources["pair.btc.params.order_amount_base"] == f"{tmp_path}/mm.toml:9"
    assert settings.sources["risk.max_open_orders"] == "default"
    assert settings.is_default("risk.max_open_orders")
    assert not settings.is_default("mode")


def test_parameters_are_those_of_the_strategy_and_exact(tmp_path: Path) -> None:
    """The strategy's own dataclass comes out, decimals digit by digit."""
    text = SMALL.replace("0.01\n", "0.012345678901234567890123\n")

    params = loaded(tmp_path, text).pair["btc"].params

    assert isinstance(params, PureMarketMaking.Params)
    assert params.order_amount_base == Decimal("0.012345678901234567890123")
    assert params.bid_spread_bps == Decimal(4)


def test_flags_beat_variables_beat_the_file(tmp_path: Path) -> None:
    """Precedence: defaults, file, variables, flags; each value says which it was."""
    environ = {
        "MM__RISK__MAX_OPEN_ORDERS": "8",
        "MM__RISK__STALE_BOOK_MS": "900",
        "MM_OTHER": "x",
        "HOME": "/x",
    }

    settings = loaded(
        tmp_path, overrides=["risk.stale_book_ms=800", "risk.stale_book_ms=700"], environ=environ
    )

    assert settings.risk.max_open_orders == 8
    assert settings.risk.stale_book_ms == 700
    assert settings.sources["risk.max_open_orders"] == "env MM__RISK__MAX_OPEN_ORDERS"
    assert settings.sources["risk.stale_book_ms"] == "--set"


def test_values_of_flags_are_toml_or_text(tmp_path: Path) -> None:
    """An address needs no quotes on the command line; a table can be set whole."""
    settings = loaded(
        tmp_path,
        overrides=["venue.main.url=http://127.0.0.1:9", 'demo={seed=3, preset="btc"}', 'log.level="debug"'],
    )

    assert settings.venue["main"].url == "http://127.0.0.1:9"
    assert (settings.demo.seed, settings.demo.preset) == (3, "btc")
    assert settings.sources["demo.seed"] == "--set"
    assert settings.log.level == "debug"


def test_a_session_tightens_what_it_states_and_takes_the_rest_from_the_account(tmp_path: Path) -> None:
    """The limits of a session are its own where it has one."""
    settings = loaded(tmp_path, SMALL + "[pair.btc.risk]\nsession_loss_quote = 5\n")

    limits = settings.risk_of("btc")

    assert limits.session_loss_quote == Decimal(5)
    assert limits.max_notional_quote == settings.risk.max_notional_quote
    assert limits.on_breach == settings.risk.on_breach


GOLDEN = [
    (
        with_line("max_slipage_bps = 15"),
        "mm.toml:17: risk.max_slipage_bps: unknown key\nhint: did you mean 'max_slippage_bps'?",
    ),
    (
        with_line('max_slippage_bps = "0.25%"'),
        'mm.toml:17: risk.max_slippage_bps: was "0.25%", expected a number\n'
        "hint: write max_slippage_bps = 25 (the unit is in the key's name)",
    ),
    (
        with_line('stale_book_ms = "2s"'),
        'mm.toml:17: risk.stale_book_ms: was "2s", expected a whole number\n'
        "hint: write stale_book_ms = 2000 (the unit is in the key's name)",
    ),
    (with_line("stale_book_ms = 2.5"), "mm.toml:17: risk.stale_book_ms: was 2.5, expected a whole number"),
    (with_line("max_open_orders = 0"), "mm.toml:17: risk.max_open_orders: was 0, expected at least 1"),
    (with_line("max_drawdown_ratio = 3"), "mm.toml:17: risk.max_drawdown_ratio: was 3, expected at most 1"),
    (
        with_line("max_drawdown_ratio = nan"),
        "mm.toml:17: risk.max_drawdown_ratio: was nan, expected a finite number",
    ),
    (
        with_line('on_breach = "widen"'),
        "mm.toml:17: risk.on_breach: was \"widen\", expected 'cancel_and_halt' or 'flatten'",
    ),
    (with_line("reference = 3"), "mm.toml:17: risk.reference: was 3, expected a table"),
    (
        with_line("max_open_orders = [1]"),
        "mm.toml:17: risk.max_open_orders: was a list, expected a whole number\n"
        "hint: write a single value, without brackets",
    ),
    (
        SMALL.replace("bid_spread_bps = 4", "bid_spread = 0.04"),
        "mm.toml:7: pair.btc.params.bid_spread: unknown key\n"
        "hint: write bid_spread_bps = 4 (Hummingbot: percent)",
    ),
    (
        SMALL.replace("order_refresh_time_ms = 2_000", 'order_refresh_time_ms = "2s"'),
        'mm.toml:10: pair.btc.params.order_refresh_time_ms: was "2s", expected a number\n'
        "hint: write order_refresh_time_ms = 2000 (the unit is in the key's name)",
    ),
    (
        SMALL.replace("bid_spread_bps = 4\n", ""),
        "mm.toml:6: pair.btc.params.bid_spread_bps: missing\n"
        "hint: write bid_spread_bps = ... in [pair.btc.params]",
    ),
    (
        SMALL.replace("bid_spread_bps = 4\n", "bid_spread_bps = -4\n"),
        "mm.toml:7: pair.btc.params.bid_spread_bps: was -4, expected more than 0",
    ),
    (
        SMALL.replace(
            "[pair.btc.params]\n", "[pair.btc.params]\nprice_floor_quote = 9\nprice_ceiling_quote = 8\n"
        ),
        "mm.toml:7: pair.btc.params.price_floor_quote: price_floor_quote was 9, expected less than"
        " price_ceiling_quote, 8",
    ),
    (
        SMALL.replace('"BTC/USDT"', '"BTC-USDT"'),
        'mm.toml:4: pair.btc.symbol: expected BASE/QUOTE in capitals\nhint: write "BTC/USDT"',
    ),
    (
        SMALL.replace('symbol = "BTC/USDT"\n', 'symbol = "BTC/USDT"\nstrategy = "pure_market_makin"\n'),
        "mm.toml:5: pair.btc.strategy: strategy was 'pure_market_makin', expected a strategy's name,"
        " ./file.py, ./file.py:Class or module:Class\nhint: did you mean 'pure_market_making'?",
    ),
    (SMALL.replace("[pair.btc", "[pair.Btc"), "mm.toml:3: pair.Btc: expected a name of lower-case letters"),
    (SMALL.replace('mode = "demo"', ""), 'mm.toml:1: mode: missing\nhint: write mode = "paper"'),
    (
        SMALL.replace('"demo"', "demo"),
        "mm.toml:1: not valid TOML: Invalid value\nhint: texts stand in quotes",
    ),
    (SMALL.replace("= 2_000", "= {a = 1}"), "mm.toml:10: pair.btc.params.order_refresh_time_ms: was a table"),
    (
        'mode = "demo"\n[pair.btc]\nsymbol = "BTC/USDT"\nparams = 3\n',
        "mm.toml:4: pair.btc.params: expected a table\nhint: write [pair.btc.params]",
    ),
    (
        'mode = "demo"\n[pair.btc]\nsymbol = "BTC/USDT"\nstrategy = 3\n',
        "mm.toml:4: pair.btc.strategy: was 3, expected a text in quotes",
    ),
    (SMALL + "[risk]\n", "mm.toml:17: not valid TOML: Cannot declare ('risk',) twice"),
    (SMALL + "x = ", "mm.toml:17: not valid TOML: Invalid value"),
    (SMALL + "when = 2026-01-01\n", "mm.toml:17: risk.when: was a date or time"),
    (SMALL + '[stp]\nlocal = "off"\n', "mm.toml:18: stp.local: was \"off\", expected 'block'"),
    (
        SMALL + '[api]\nhttp = "x"\n',
        "mm.toml:17: api: unknown key\nhint: known here: account, data_dir, demo",
    ),
    ('mode = "demo"\n', "mm.toml:1: pair: missing\nhint: write a table [pair.btc]"),
    ('mode = "demo"\n[pair]\n', "mm.toml:2: pair: was a table, expected at least one entry"),
    ('mode = "demo"\npair = 3\n', "mm.toml:2: pair: was 3, expected a table"),
    ('mode = "demo"\n[pair]\nbtc = 3\n', "mm.toml:3: pair.btc: was 3, expected a table"),
]


@pytest.mark.parametrize(("text", "told"), GOLDEN)
def test_a_wrong_config_is_refused_with_its_line_and_a_hint(tmp_path: Path, text: str, told: str) -> None:
    """The error names file, line and key, says what was found and expected, and what to write."""
    assert refused(tmp_path, text).startswith(told)


def test_all_problems_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    """A file is mended in one go."""
    text = (
        SMALL.replace("bid_spread_bps = 4", "bid_spread_bps = 0").replace('"demo"', '"test"')
        + "max_open_orders = -1\n"
    )

    told = refused(tmp_path, text)

    places = [line.split(": ")[0] for line in told.splitlines() if line.startswith("mm.toml")]
    assert places == ["mm.toml:1", "mm.toml:7", "mm.toml:17"]


def test_very_many_problems_are_counted_not_listed(tmp_path: Path) -> None:
    """A file of another program does not scroll the screen away."""
    told = refused(tmp_path, SMALL + "".join(f"nonsense_{number} = 1\n" for number in range(40)))

    assert "and 20 more" in told


@pytest.mark.parametrize("key", ["key", "secret"])
def test_a_literal_key_is_refused_and_never_shown(tmp_path: Path, key: str) -> None:
    """A key in the config is an error that does not repeat it."""
    told = refused(tmp_path, SMALL + f'[venue.main]\n{key} = "c4n4ry5ecret"\n')

    assert f"venue.main.{key}: expected env:NAME or file:PATH (the value is not shown)" in told
    assert "c4n4ry" not in told


@pytest.mark.parametrize(
    "line", ['api_key = "c4n4ry5ecret"', 'id = "c4n4ry5ecret"', 'url = "http://c4n4ry5ecret"']
)
def test_nothing_below_venue_is_echoed(tmp_path: Path, line: str) -> None:
    """A key that was put under a wrong name is not repeated either."""
    assert "c4n4ry" not in refused(tmp_path, SMALL + f"[venue.main]\n{line}\n")


@pytest.mark.parametrize(
    ("overrides", "environ", "told"),
    [
        (["mode=live"], {}, "--set: mode: it is set in the file alone"),
        ([], {"MM__MODE": "live"}, "env MM__MODE: mode: it is set in the file alone"),
        (["risk.max_open_orders"], {}, "--set risk.max_open_orders: no '=' in it"),
        (["Risk.x=1"], {}, "--set: 'Risk.x' is no key"),
        (["risk..x=1"], {}, "--set: 'risk..x' is no key"),
        ([], {"MM____X": "1"}, "env MM____X: '.x' is no key"),
        ([], {"MM__RISK__MAX": "1"}, "env MM__RISK__MAX: risk.max: unknown key"),
        (
            ["risk.max_open_orders=many"],
            {},
            '--set: risk.max_open_orders: was "many", expected a whole number',
        ),
        (
            ["risk.max_open_orders.x=1"],
            {},
            "--set: risk.max_open_orders: was a table, expected a whole number",
        ),
        (["mode.x=1"], {}, "--set: mode: it is set in the file alone"),
        (
            ["risk.max_notional_quote.x=1"],
            {},
            "--set: risk.max_notional_quote.x: risk.max_notional_quote is a value",
        ),
        (
            ["pair.btc.params.order_levels=x"],
            {},
            '--set: pair.btc.params.order_levels: was "x", expected a number',
        ),
        (['data_dir=1\nmode = "live"'], {}, "--set: data_dir: expected a path"),
    ],
)
def test_a_wrong_flag_or_variable_is_refused_by_its_name(
    tmp_path: Path, overrides: list[str], environ: dict[str, str], told: str
) -> None:
    """The place is the flag or the variable; the mode cannot be set from there at all."""
    assert refused(tmp_path, overrides=overrides, environ=environ).startswith(told)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    """The usual slip has a hint and the exit code of a config error."""
    with pytest.raises(ConfigError, match="no such file") as caught:
        load_settings(tmp_path / "absent.toml", environ={})

    assert caught.value.exit_code == EXIT_CONFIG
    assert "config/demo.toml" in caught.value.hint


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    """What cannot be read says why."""
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_settings(tmp_path, environ={})


def test_a_path_with_a_nul_is_refused() -> None:
    """Even a path that no system takes is a config error."""
    with pytest.raises(ConfigError, match="no usable path"):
        load_settings("a\0b", environ={})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'mode = "demo"\n\xff\n', ":2: not UTF-8 text"),
        (b"x" * (FILE_BYTES_MAX + 1), "not a config file"),
        (b"x = " + b"[" * 5_000, "nested too deeply"),
        (b"x = " + b"[" * 60 + b"]" * 60, "nested too deeply"),
        (b"x = " + b"9" * 5_000, "beyond all bounds"),
        (b"x = 1e99999999999999999999", "beyond all bounds"),
        (b"x = 1e999999\n", ":1: x: expected at most 30 digits"),
        (b"x = " + b"9" * 1_000, ":1: x: expected at most 30 digits"),
    ],
)
def test_hostile_files_are_refused_quickly(tmp_path: Path, content: bytes, told: str) -> None:
    """What is no config ends in an error, never in a crash or a long computation."""
    path = tmp_path / "mm.toml"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match=told):
        load_settings(path, environ={})


def test_a_byte_order_mark_is_no_key(tmp_path: Path) -> None:
    """Some editors put one at the start."""
    path = tmp_path / "mm.toml"
    path.write_text(SMALL, encoding="utf-8-sig")

    assert load_settings(path, environ={}).mode == "demo"


def test_a_demo_pointed_at_a_foreign_address_is_refused(tmp_path: Path) -> None:
    """A throw-away key is never sent elsewhere; exit code 4, nothing sent."""
    with pytest.raises(ForeignAddress, match=r"venue\.main\.url") as caught:
        loaded(tmp_path, overrides=["venue.main.url=https://api.binance.com"])

    assert caught.value.exit_code == EXIT_CONFIG


def test_a_config_can_name_a_strategy_of_the_users(tmp_path: Path) -> None:
    """Its file is found beside the config, and its parameters are checked by its own class."""
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass\n"
        "class Mine:\n"
        "    @dataclass(frozen=True, kw_only=True)\n"
        "    class Params:\n"
        "        width_bps: int = 3\n"
        "    def __init__(self, params, instrument): self.params = params\n"
        "    def initial_memory(self): return None\n"
        "    def quotes(self, view): return None\n"
    )
    text = (
        'mode = "demo"\n[pair.btc]\nsymbol = "BTC/USDT"\nstrategy = "./mine.py"\n'
        "[pair.btc.params]\nwidth_bps = 7\n"
    )

    params = loaded(tmp_path, text).pair["btc"].params

    assert getattr(params, "width_bps", None) == 7
    assert "width_bps: was 7.5, expected a whole number" in refused(tmp_path, text.replace("= 7", "= 7.5"))


@pytest.mark.parametrize("name", ["demo", "paper", "live.example"])
def test_the_shipped_configs_are_valid(name: str) -> None:
    """Every file under config/ loads without variables."""
    settings = load_settings(CONFIGS / f"{name}.toml", environ={})

    assert settings.mode == name.removesuffix(".example")


def test_the_demo_runs_the_shipped_config() -> None:
    """`mm demo` needs no file: the package holds the same text as config/demo.toml."""
    assert DEMO_FILE.read_text() == (CONFIGS / "demo.toml").read_text()
    assert demo_settings(["demo.seed=11"], {}).demo.seed == 11


def test_every_leaf_has_a_source(tmp_path: Path) -> None:
    """Where a value came from is known for all of them."""
    settings = loaded(tmp_path)

    assert {".".join(path) for path, _ in leaves(settings)} == set(settings.sources)


LINES = SMALL.splitlines()
JUNK = st.one_of(
    st.sampled_from(
        ['"', "'", "=", "[", "]", "{", "}", "\\", "\n", "#", ".", ",", "-1", "1e400", "nan", "true", '"1%"']
    ),
    st.sampled_from(
        ["[pair]", "[[pair]]", "mode = 1", "pair = 1", "[risk]", "[venue]", "params = 3", "x = {}"]
    ),
    st.text(max_size=4),
)


@given(
    st.lists(st.tuples(st.integers(0, len(SMALL)), st.integers(0, 6), JUNK), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, len(LINES) - 1), st.integers(0, len(LINES) - 1)), max_size=2),
)
def test_no_mutation_of_a_file_raises_anything_but_a_config_error(
    tmp_path_factory: pytest.TempPathFactory,
    edits: list[tuple[int, int, str]],
    swaps: list[tuple[int, int]],
) -> None:
    """Cut, inserted and exchanged text gives settings or a ConfigError that names the file."""
    lines = list(LINES)
    for one, other in swaps:
        lines[one], lines[other] = lines[other], lines[one]
    text = "\n".join(lines)
    for at, length, junk in edits:
        text = text[:at] + junk + text[at + length :]
    path = tmp_path_factory.getbasetemp() / "fuzz.toml"
    path.write_text(text, encoding="utf-8", errors="replace")

    try:
        outcome: Settings | ConfigError = load_settings(path, environ={})
    except ConfigError as error:
        outcome = error

    assert isinstance(outcome, Settings) or "fuzz.toml" in str(outcome)


KEYS = st.sampled_from([".".join(path) for path, _ in leaves(demo_settings(environ={}))])
WORDS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "0",
            "-1",
            "1e30",
            "1e-31",
            "inf",
            "[]",
            "{}",
            "[1, 2]",
            "{a=1}",
            "1979-05-27",
            "true",
            '""',
            '"1 %"',
        ]
    ),
)


@given(st.lists(st.tuples(KEYS, WORDS), max_size=4))
def test_no_override_raises_anything_but_a_config_error(pairs: list[tuple[str, str]]) -> None:
    """Any text for any key gives settings or a ConfigError."""
    with contextlib.suppress(ConfigError):
        demo_settings([f"{key}={word}" for key, word in pairs], {})
