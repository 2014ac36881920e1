"""The files of a first project: they load, explain themselves, and their test passes."""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from mm.errors import ConfigError
from mm.settings.exposure import ladder_of
from mm.settings.loader import load_settings
from mm.settings.models import Settings
from mm.settings.starter import FILES, SUITED, starter_files
from mm.settings.strategies import builtin_strategies, strategy_class

LINES_MAX = 25


def written(
    folder: Path, *, symbol: str = "BTC/USDT", strategy: str = "pure_market_making"
) -> dict[str, str]:
    """Write the files into a folder and return them."""
    made = starter_files(venue="binance", symbol=symbol, strategy=strategy)
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")
    return made


def with_own_strategy(folder: Path, mode: str = "paper") -> Settings:
    """Return the settings after the edit that the config tells: one's own strategy and its one parameter."""
    text = (folder / "mm.toml").read_text(encoding="utf-8")
    head, _, rest = text.partition("[pair.main.params]\n")
    _, _, tail = rest.partition("[pair.main.inventory]\n")
    head = head.replace('strategy = "pure_market_making"', 'strategy = "./my_strategy.py"')
    head = head.replace('mode = "paper"', f'mode = "{mode}"')
    edited = f"{head}[pair.main.params]\norder_amount_base = 0.001\n\n[pair.main.inventory]\n{tail}"
    (folder / "own.toml").write_text(edited, encoding="utf-8")
    return load_settings(folder / "own.toml", (), {})


@pytest.mark.parametrize("strategy", builtin_strategies())
def test_the_config_loads_for_every_strategy(strategy: str, tmp_path: Path) -> None:
    """In paper mode, with the values that it states, within its own limits."""
    written(tmp_path, strategy=strategy)
    settings = load_settings(tmp_path / "mm.toml", (), {})
    pair = settings.pair["main"]
    assert (settings.mode, pair.strategy, pair.symbol) == ("paper", strategy, "BTC/USDT")
    ladder = ladder_of(pair.params)
    assert ladder is not None
    worth = ladder.order_base_max * 200_000
    assert worth <= settings.risk.max_order_notional_quote
    assert ladder.side_base_max * 200_000 <= settings.risk.max_notional_quote


@pytest.mark.parametrize("strategy", builtin_strategies())
def test_every_key_is_explained_in_the_words_of_its_model(strategy: str, tmp_path: Path) -> None:
    """With when a change takes effect; each parameter of the strategy is there, if only as a comment."""
    lines = written(tmp_path, strategy=strategy)["mm.toml"].splitlines()
    for number, line in enumerate(lines):
        if line and line[0] not in "#[":
            assert lines[number - 1].startswith("#")
            assert lines[number - 1].endswith(("(now)", "(next_quote)", "(restart)")), line
    params = strategy_class(strategy, tmp_path).params
    stated = {line.removeprefix("# ").split(" = ")[0] for line in lines}
    assert {field.name for field in fields(params)} <= stated  # type: ignore[arg-type] # a dataclass
    assert max(map(len, lines)) <= 110


def test_what_suits_is_a_parameter_of_some_strategy() -> None:
    """A value for a parameter that is gone would be forgotten there."""
    known: set[str] = set()
    for strategy in builtin_strategies():
        found = fields(strategy_class(strategy, Path()).params)  # type: ignore[arg-type] # a dataclass
        known |= {field.name for field in found}
    assert set(SUITED) <= known


def test_the_symbol_is_used_throughout(tmp_path: Path) -> None:
    """In the config and in the test's instrument."""
    made = written(tmp_path, symbol="1INCH/EUR")
    assert load_settings(tmp_path / "mm.toml", (), {}).pair["main"].symbol == "1INCH/EUR"
    assert 'venue_symbol="1INCHEUR"' in made["test_my_strategy.py"]
    assert tuple(made) == FILES


def test_the_strategy_is_short_and_loads_where_the_config_says(tmp_path: Path) -> None:
    """As the config's own words tell to use it."""
    made = written(tmp_path)
    assert len(made["my_strategy.py"].splitlines()) <= LINES_MAX
    pair = with_own_strategy(tmp_path).pair["main"]
    assert type(pair.params).__qualname__ == "MyStrategy.Params"


def test_the_test_of_the_strategy_passes_and_finds_a_fault(tmp_path: Path) -> None:
    """Run as its first line says, in a process of its own."""
    made = written(tmp_path)
    # Byte code is told apart by second and size alone: an edit of a letter within a second would not be seen.
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    root = tmp_path / "pytest.ini"
    root.write_text("[pytest]\n")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    faulty = made["my_strategy.py"].replace("lean < 1", "lean < 4")
    (tmp_path / "my_strategy.py").write_text(faulty)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1


def test_git_is_told_what_never_goes_in(tmp_path: Path) -> None:
    """What runs leave behind, and keys."""
    lines = written(tmp_path)[".gitignore"].splitlines()
    assert {"/var/", "*.env", "*.key"} <= set(lines)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"venue": "kraken"}, "expected one of binance"),
        ({"symbol": "btc-usdt"}, "expected BASE/QUOTE"),
        ({"symbol": "BTC/USDT\n[x]"}, "expected BASE/QUOTE"),
        ({"strategy": "mine"}, "expected one of avellaneda_stoikov, "),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, str], said: str) -> None:
    """By its name, with what would do."""
    given = {"venue": "binance", "symbol": "BTC/USDT", "strategy": "glft"}
    with pytest.raises(ConfigError, match=said):
        starter_files(**(given | changes))
