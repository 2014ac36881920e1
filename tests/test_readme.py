"""The README is true: its examples run, its names exist, and what exists is named."""

import importlib
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import typer

import mm.errors
from mm.bootstrap.verdict import judged
from mm.cli.main import app
from mm.domain.commands import Place, TimeInForce
from mm.domain.quotes import Quotes
from mm.domain.sides import Side
from mm.domain.view import Reading, View
from mm.observe.metrics import metrics_table
from mm.quoting.flow import DiffusionParams, FlowFrom, FlowParams, MidVolatility
from mm.quoting.params import QuotingParams
from mm.quoting.session import SessionParams
from mm.risk.base import RiskView
from mm.runtime.tune.space_file import SpaceFile
from mm.settings.models import RiskSettings
from mm.settings.options import RunReport
from mm.settings.strategies import builtin_strategies, strategy_class
from tests.builders.configs import loaded
from tests.builders.signal_sheet import NO_SIGNALS
from tests.builders.views import a_view, an_instrument

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")

STRATEGY_LINES_MAX = 25


def section(title: str) -> str:
    """Return the text under a heading, up to the next one of any level."""
    lines = iter(TEXT.splitlines())
    assert any(line.lstrip("#").strip() == title for line in lines if line.startswith("#"))
    kept: list[str] = []
    in_code = False
    for line in lines:
        in_code ^= line.startswith("```")
        if line.startswith("#") and not in_code:
            break
        kept.append(line)
    return "\n".join(kept)


def code(text: str, language: str) -> str:
    """Return the one block of code in that language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    block: str = found
    return block


def spans() -> Iterator[str]:
    """Yield everything that is set as code: blocks and spans."""
    for block in re.findall(r"```[a-z]*\n(.*?)```", TEXT, re.DOTALL):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL))


def commands(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every verb of the command line, those of a family with its name before them."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
    else:
        for short, one in inner.items():
            yield from commands(one, f"{name} {short}".strip())


VERBS = dict(commands(typer.main.get_command(app)))


def test_every_verb_that_is_mentioned_exists() -> None:
    """Nothing is promised that cannot be typed."""
    mentioned = {match for span in spans() for match in re.findall(r"\bmm ([a-z]+(?: [a-z]+)?)", span)}
    unknown = {said for said in mentioned if said not in VERBS and said.split()[0] not in VERBS}
    assert not unknown


def test_every_verb_is_mentioned() -> None:
    """Whoever reads the README knows all there is."""
    said = "\n".join(spans())
    assert VERBS
    assert not {verb for verb in VERBS if not re.search(rf"\bmm {verb}\b", said)}


def test_the_options_that_are_mentioned_with_a_verb_exist() -> None:
    """Each of them, at the verb that it stands with."""
    for span in spans():
        for words, rest in re.findall(r"\bmm ([a-z]+(?: [a-z]+)?)([^|#]*)", span):
            command = VERBS.get(words) or VERBS.get(words.split()[0])
            known = (
                {option for parameter in command.params for option in parameter.opts} if command else set()
            )
            assert set(re.findall(r"(--[a-z-]+)", rest)) <= known, span


def test_the_first_code_is_the_two_commands() -> None:
    """Each complete on a fresh machine; the second is what the gate is."""
    lines = [
        line.split("#")[0].strip() for line in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)[0].splitlines()
    ]
    assert lines == ["pip install uv && uv run mm demo", "pip install uv && uv run pytest"]


def test_the_exit_codes_are_those_of_the_program() -> None:
    """Every code with its number, none missing, none invented."""
    (listed,) = re.findall(r"\*\*Exit codes\*\*[^:]*: (.*?)\.\n", TEXT, re.DOTALL)
    numbers = [int(part.split()[0]) for part in listed.replace("\n", " ").split("·")]
    codes = [value for name, value in vars(mm.errors).items() if name.startswith("EXIT_")]
    assert numbers == sorted(codes)


def test_the_figures_of_the_demo_are_those_of_its_report() -> None:
    """What is said to be printed is printed."""
    (listed,) = re.findall(r"by the exchange's own records.*?: (.*?)\.\n", TEXT, re.DOTALL)
    names = re.findall(r"`([a-z_]+)`", listed)
    known = [field.name for field in fields(RunReport)]
    assert names == known[: len(names)]
    assert judged.__annotations__["return"] is RunReport


def rows_of(strategy: str) -> list[tuple[list[str], list[str]]]:
    """Return keys and defaults of each row of a strategy's table."""
    (table,) = re.findall(rf"\n`{strategy}`:.*?\n\n(\|.*?)\n\n", TEXT, re.DOTALL)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return [(re.findall(r"`([a-z_]+)`", keys), default.split(", ")) for keys, default, _ in rows]


SHARED = {
    "guards": QuotingParams,
    "session": SessionParams,
    "fills": FlowParams,
    "volatility": DiffusionParams,
}
"""Parameters that several strategies have, each class with a table of its own, bases first."""


def own_parameters(params: type[object]) -> dict[str, object]:
    """Return the parameters, with their defaults, that are in no table of a class that `params` inherits."""
    known = {field.name: field.default for field in fields(params)}  # type: ignore[arg-type]  # a dataclass
    for base in SHARED.values():
        if base is not params and issubclass(params, base):
            inherited = {field.name: field.default for field in fields(base)}
            known = {key: default for key, default in known.items() if inherited.get(key, ...) != default}
    return known


@pytest.mark.parametrize("name", [*builtin_strategies(), *SHARED])
def test_the_parameters_of_every_strategy_are_listed_with_their_defaults(name: str) -> None:
    """Exactly those that there are; `off` is None, and what is required has no default."""
    listed: dict[str, str] = {}
    for keys, defaults in rows_of(name):
        listed |= dict(zip(keys, defaults if len(defaults) > 1 else defaults * len(keys), strict=True))
    known = own_parameters(SHARED[name] if name in SHARED else strategy_class(name, ROOT).params)
    assert set(listed) == set(known)
    for key, default in known.items():
        assert listed[key] in _told(default), f"{key}: {listed[key]}, but it is {default}"


def test_the_limits_are_listed_with_their_defaults() -> None:
    """Every key of `[risk]` but the table in it."""
    listed: dict[str, str] = {}
    for keys, defaults in rows_of(r"\[risk\]"):
        listed |= dict(zip(keys, defaults, strict=True))
    known = {name: field.default for name, field in RiskSettings.model_fields.items() if name != "reference"}
    assert set(listed) == set(known)
    for key, default in known.items():
        assert listed[key] in _told(default), f"{key}: {listed[key]}, but it is {default}"


@pytest.mark.parametrize("strategy", builtin_strategies())
def test_every_strategy_says_which_parameters_it_shares(strategy: str) -> None:
    """The tables of what it inherits are named before its own."""
    params = strategy_class(strategy, ROOT).params
    (introduction,) = re.findall(rf"\n`{strategy}`:(.*?)\n\n\|", TEXT, re.DOTALL)

    shared = [name for name, base in SHARED.items() if issubclass(params, base)]
    assert [name for name in SHARED if f"`{name}`" in introduction] == shared


def _told(default: object) -> tuple[str, ...]:
    if default is MISSING:
        return ("required",)
    if default is None:
        return ("off", "0.3 / decay")
    return (str(default).lower(),)


def test_every_room_of_the_house_is_in_the_tree() -> None:
    """Each folder and file on the top level of the package, and no other."""
    tree = code(section("The tree"), "")
    lines = tree.splitlines()
    assert lines[0] == "mm/"
    inside = "\n".join(line for line in lines[1:] if line.startswith("  "))
    named = set(re.findall(r"(?:^  |  )([a-z_]+(?:/|\.py))(?= )", inside, re.MULTILINE))
    there = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / "mm").iterdir()
        if not path.name.startswith(("_", ".")) and path.suffix in ("", ".py")
    }
    assert named == there
    assert all((ROOT / line.split()[0]).is_dir() for line in lines if not line.startswith(" "))


def test_every_file_that_is_linked_or_named_is_there() -> None:
    """Links within the repository, headings within the file, and paths set as code."""
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        if target.startswith("#"):
            title = target[1:].replace("-", " ")
            assert any(
                line.lstrip("# ").lower() == title for line in TEXT.splitlines() if line.startswith("#")
            )
        elif "://" not in target:
            assert (ROOT / target).exists(), target
    for span in spans():
        for path in re.findall(r"(?<![\w/])(?:mm|tests|config)/[\w/.]+", span):
            assert (ROOT / path).exists(), path


def test_the_example_of_a_strategy_loads_and_quotes(tmp_path: Path) -> None:
    """Short, complete, loaded as a user's file is, and it quotes what it says."""
    source = code(section("Add a strategy"), "python")
    assert len(source.splitlines()) <= STRATEGY_LINES_MAX
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    found = strategy_class("./mine.py", tmp_path)
    names = [field.name for field in fields(found.params)]  # type: ignore[arg-type] # a dataclass
    assert names == ["order_amount_base"]
    instrument = an_instrument()
    strategy = found.start(cast(Any, found.params)(order_amount_base=Decimal("0.01")), instrument)
    view = cast("View[object]", a_view(instrument=instrument))
    quotes = strategy.quotes(view)
    assert [quote.price_ticks for quote in quotes.bids] == [view.bids[0].price_ticks]
    assert [quote.price_ticks for quote in quotes.asks] == [view.asks[0].price_ticks]
    assert all(quote.size_lots * instrument.lot_atoms == 10**6 for quote in (*quotes.bids, *quotes.asks))
    assert quotes.memory == view.memory


def test_the_example_of_a_strategy_can_be_configured(tmp_path: Path) -> None:
    """With the words that the README gives for it."""
    (tmp_path / "mine.py").write_text(code(section("Add a strategy"), "python"), encoding="utf-8")
    said = re.findall(r'`(strategy = "\./mine\.py")`', TEXT)
    assert len(said) == 1
    pair = f'[pair.btc]\nsymbol = "BTC/USDT"\n{said[0]}'
    text = f'mode = "demo"\n{pair}\n[pair.btc.params]\norder_amount_base = 0.01\n'
    assert type(loaded(tmp_path, text).pair["btc"].params).__name__ == "Params"


def test_the_example_of_signals_waits_and_quotes_by_them(tmp_path: Path) -> None:
    """As it stands: what is missing is told; a tick farther in one-sided flow; off the side it goes to."""
    (tmp_path / "mine.py").write_text(code(section("Use a signal"), "python"), encoding="utf-8")
    found = strategy_class("./mine.py", tmp_path)
    instrument = an_instrument()
    strategy = found.start(cast(Any, found.params)(order_amount_base=Decimal("0.01")), instrument)

    def quoted(*readings: Reading) -> Quotes[object]:
        view = cast("View[object]", a_view(instrument=instrument))
        return strategy.quotes(msgspec.structs.replace(view, readings=readings))

    first = [spec.start().reading(0) for spec in strategy.needs]
    view = a_view(instrument=instrument)
    bid, ask = view.bids[0].price_ticks, view.asks[0].price_ticks
    calm, toxic, up, even = (Reading(value, True) for value in (0.0, 0.2, 1.0, 0.5))
    down, heavy, light = (Reading(value, True) for value in (-1.0, 0.8, 0.2))
    assert quoted(*first).reason == "waits for buckets of volume (0 of 50)"
    for readings, wanted in (
        ((calm, up, even), ([bid], [ask])),
        ((toxic, up, even), ([bid - 1], [ask + 1])),
        ((calm, up, heavy), ([bid], [])),
        ((calm, down, light), ([], [ask])),
    ):
        quotes = quoted(*readings)
        found_prices = tuple([quote.price_ticks for quote in side] for side in (quotes.bids, quotes.asks))
        assert found_prices == wanted


def test_the_signals_are_listed_with_their_specs() -> None:
    """Every file of the drawer, and no other; what a strategy is told to use by a word, it does."""
    listed = dict(re.findall(r"\| `(\w+)` \| `(\w+Spec)` \|", section("Use a signal")))
    there = {path.stem for path in (ROOT / "mm/signals").glob("[a-z]*.py")}
    assert set(listed) == there - set(NO_SIGNALS)
    for name, spec in listed.items():
        assert hasattr(importlib.import_module(f"mm.signals.{name}"), spec), name
    words = set(re.findall(r'`(?:volatility_from|flow_from) = "(\w+)"`', section("Use a signal")))
    assert words == {one.value for kind in (MidVolatility, FlowFrom) for one in kind}


def test_the_example_of_a_rule_runs() -> None:
    """As it stands, it denies inside its window and nowhere else."""
    names: dict[str, Any] = {}
    exec(code(section("Add a risk rule"), "python"), names)  # noqa: S102 - the README's own text
    rule = names["QuietHours"](begin_s=3_600, end_s=7_200)
    view = RiskView.empty("btc", an_instrument())
    place = Place(
        cid="c",
        symbol="BTC/USDT",
        side=Side.BUY,
        price_ticks=1,
        size_lots=1,
        post_only=True,
        time_in_force=TimeInForce.GTC,
        reduces=False,
        market_seq=0,
        market_age_ns=0,
    )
    denied = []
    for second in (0, 3_599, 3_600, 7_199, 7_200, 86_400 + 5_000):
        view.ts_ns = second * 10**9
        refusal = rule.admit(place, view)
        denied.append(refusal.code if refusal is not None else "")
    assert denied == ["", "", "quiet_hours", "quiet_hours", "", "quiet_hours"]
    assert rule.watch(view) is None


def test_the_example_of_a_space_is_one_for_the_config_that_is_named(tmp_path: Path) -> None:
    """Word for word, and one of each kind of range is in it."""
    said = section("Tuning")
    (named,) = re.findall(r"`my\.toml` is a copy of `(config/\w+\.toml)`", said)
    path = tmp_path / "space.toml"
    path.write_text(code(said, "toml"), encoding="utf-8")
    found = SpaceFile(path, ROOT / named)
    assert len(found.dimensions) == 4
    assert not found.refusal({one.key: one.choices[0] for one in found.dimensions if one.choices})
    assert {(one.log, one.whole, one.step is not None, bool(one.choices)) for one in found.dimensions} == {
        (True, False, False, False),
        (False, True, False, False),
        (False, True, True, False),
        (False, False, False, True),
    }


def test_the_warning_stands_on_the_first_screen() -> None:
    """That nobody has run it against a live exchange, before anything else is explained."""
    first = "\n".join(TEXT.splitlines()[:25])
    assert "never run mm against a live exchange" in first
    assert "(#going-live)" in first


def test_the_table_of_metrics_is_the_one_that_is_told_from() -> None:
    """Word for word: `mm.observe.metrics.metrics_table()` writes it."""
    assert metrics_table() in section("Metrics")
