"""How a config finds its strategy: names, files, modules, entry points, and what each mistake says."""

import sys
from collections.abc import Iterator
from decimal import Decimal
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from mm.domain.quotes import Quote
from mm.errors import ConfigError
from mm.settings import strategies
from mm.settings.strategies import builtin_strategies, strategy_class
from mm.strategies.glft import Glft
from mm.strategies.pure_market_making import PureMarketMaking
from tests.builders.views import a_view, an_instrument

EXAMPLE = '''\
"""Joins the best bid and the best ask with one order each."""

from dataclasses import dataclass
from decimal import Decimal

from mm.domain.quotes import Quote, Quotes
from mm.strategies.base import Wake, lots_from_base


class Mine:
    @dataclass(frozen=True, kw_only=True)
    class Params:
        order_amount_base: Decimal

    needs, wake = (), Wake()

    def __init__(self, params, instrument):
        self.lots = lots_from_base("order_amount_base", params.order_amount_base, instrument)

    def initial_memory(self):
        return None

    def quotes(self, view):
        bid, ask = Quote(view.bids[0].price_ticks, self.lots), Quote(view.asks[0].price_ticks, self.lots)
        return Quotes((bid,), (ask,), "quoting", view.memory)
'''
"""The README's strategy of one file."""

SHAPELESS = "class Mine:\n    def quotes(self, view): ...\n"


@pytest.fixture(autouse=True)
def forgets_modules() -> Iterator[None]:
    """Modules that a test loads are gone after it."""
    before = dict(sys.modules)
    yield
    for name in [name for name in sys.modules if name not in before]:
        del sys.modules[name]


def refused(reference: str, folder: Path) -> ConfigError:
    """The error that a reference ends in."""
    with pytest.raises(ConfigError) as caught:
        strategy_class(reference, folder)
    return caught.value


def test_built_in_strategies_are_found_by_the_names_of_their_files(tmp_path: Path) -> None:
    """The list is read off the package; `base` is no strategy."""
    assert "base" not in builtin_strategies()
    assert strategy_class("glft", tmp_path).kind is Glft
    found = strategy_class("pure_market_making", tmp_path)
    assert (found.kind, found.params) == (PureMarketMaking, PureMarketMaking.Params)


def test_every_listed_strategy_can_be_loaded(tmp_path: Path) -> None:
    """No file in the drawer is without its one class."""
    for name in builtin_strategies():
        assert strategy_class(name, tmp_path).reference == name


def test_the_example_of_the_readme_loads_and_quotes(tmp_path: Path) -> None:
    """A file of 25 lines beside the config is a strategy: it starts and quotes at the touch."""
    (tmp_path / "my.py").write_text(EXAMPLE)

    found = strategy_class("./my.py:Mine", tmp_path)
    strategy = found.start(found.params(order_amount_base=Decimal("0.01")), an_instrument())  # type: ignore[call-arg]  # the class is known at run time
    quotes = strategy.quotes(a_view(bid_ticks=10_000, ask_ticks=10_004))

    assert len(EXAMPLE.splitlines()) <= 25
    assert (quotes.bids, quotes.asks) == ((Quote(10_000, 100),), (Quote(10_004, 100),))
    assert quotes.reason == "quoting"


def test_a_file_with_one_strategy_needs_no_class_name(tmp_path: Path) -> None:
    """What the file imports is not counted; a relative path starts at the config's folder."""
    folder = tmp_path / "deep"
    folder.mkdir()
    (folder / "my.py").write_text("from mm.strategies.glft import Glft\n" + EXAMPLE)

    assert strategy_class("deep/my.py", tmp_path).kind.__name__ == "Mine"
    assert strategy_class(str(folder / "my.py"), Path("/nowhere")).kind.__name__ == "Mine"


def test_an_unchanged_file_gives_the_same_class_and_an_edited_one_a_new_one(tmp_path: Path) -> None:
    """A reload of an untouched config changes nothing; an edit within the same second is seen."""
    file = tmp_path / "my.py"
    file.write_text(EXAMPLE)
    first, again = strategy_class("./my.py", tmp_path), strategy_class("./my.py:Mine", tmp_path)
    file.write_text(EXAMPLE.replace('"quoting"', '"joining"'))

    edited = strategy_class("./my.py", tmp_path)

    assert first.kind is again.kind
    assert edited.kind is not first.kind
    assert list(tmp_path.rglob("*.pyc")) == []


def test_a_module_is_named_with_its_class(tmp_path: Path) -> None:
    """`module:Class`, or a dotted module with one strategy in it."""
    assert strategy_class("mm.strategies.glft:Glft", tmp_path).kind is Glft
    assert strategy_class("mm.strategies.pure_market_making", tmp_path).kind is PureMarketMaking


def test_an_entry_point_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed packages offer strategies in the group mm.strategies; a built-in name cannot be taken."""
    offer(
        monkeypatch,
        ("theirs", "mm.strategies.glft:Glft"),
        ("whole", "mm.strategies.glft"),
        ("glft", "mm.strategies.pure_market_making:PureMarketMaking"),
    )

    assert strategy_class("theirs", tmp_path).kind is Glft
    assert strategy_class("whole", tmp_path).kind is Glft
    assert strategy_class("glft", tmp_path).kind is Glft


def test_a_name_that_two_packages_offer_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of them trades must not depend on the order of installation."""
    offer(monkeypatch, ("theirs", "a:B"), ("theirs", "c:D"))

    error = refused("theirs", tmp_path)

    assert str(error) == "strategy theirs is offered 2 times: a:B, c:D"
    assert error.hint == "uninstall one"


def offer(monkeypatch: pytest.MonkeyPatch, *points: tuple[str, str]) -> None:
    """Pretend that these entry points are installed."""
    installed = EntryPoints(EntryPoint(name, value, "mm.strategies") for name, value in points)

    def entry_points(*, group: str, name: str | None = None) -> EntryPoints:
        assert group == "mm.strategies"
        return installed.select(name=name) if name else installed

    monkeypatch.setattr(strategies, "entry_points", entry_points)


def test_a_mistyped_name_gets_the_nearest_one(tmp_path: Path) -> None:
    """And a name like no other gets the list."""
    near, far = refused("pure_market_makng", tmp_path), refused("zzz", tmp_path)

    assert str(near).startswith("strategy was 'pure_market_makng', expected a strategy's name, ./file.py")
    assert near.hint == "did you mean 'pure_market_making'?"
    assert far.hint.startswith("known names: ")
    assert "glft" in far.hint
    assert refused("no such thing!", tmp_path).hint.startswith("known names: ")


def test_a_file_that_is_not_there_says_where_it_was_looked_for(tmp_path: Path) -> None:
    """The message holds the whole path."""
    error = refused("./gone.py", tmp_path)

    assert (
        str(error) == f"strategy ./gone.py: {tmp_path / 'gone.py'} cannot be read: No such file or directory"
    )
    assert error.hint == "paths are relative to the folder of the config file"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("x = 1\ny = = 2\n", 2, "SyntaxError: invalid syntax"),
        ("x = 1\n\ny = x / 0\n", 3, "ZeroDivisionError: division by zero"),
        ("import json\njson.loads('{')\n", 2, "JSONDecodeError: "),
        ("import no_such_module_here\n", 1, "ModuleNotFoundError: No module named 'no_such_module_here'"),
        ("eval('(')\n", 1, "SyntaxError: "),
    ],
)
def test_a_file_that_fails_says_in_which_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    """The line is that of the user's file, however deep the failure; a repaired file loads afterwards."""
    file = tmp_path / "my.py"
    file.write_text(text)

    error = refused("./my.py", tmp_path)
    file.write_text(EXAMPLE)

    assert str(error).startswith(f"strategy ./my.py: {file}:{line}: {said}")
    assert strategy_class("./my.py", tmp_path).kind.__name__ == "Mine"


def test_a_module_that_is_not_installed_is_named(tmp_path: Path) -> None:
    """A missing package is told apart from an import that fails inside of an existing module."""
    (tmp_path / "broken_strategy.py").write_text("import no_such_module_here\n")
    (tmp_path / "failing_strategy.py").write_text("1 / 0\n")
    sys.path.insert(0, str(tmp_path))
    try:
        missing = refused("no_such_package.deep:Mine", tmp_path)
        broken = refused("broken_strategy:Mine", tmp_path)
        failing = refused("failing_strategy:Mine", tmp_path)
    finally:
        sys.path.remove(str(tmp_path))

    assert str(missing).endswith("but there is no module no_such_package")
    assert missing.hint == "a module has to be installed beside mm; a file is named as ./file.py"
    assert str(broken) == (
        "strategy broken_strategy:Mine: broken_strategy: ModuleNotFoundError: No module named"
        " 'no_such_module_here'"
    )
    assert str(failing).endswith("failing_strategy: ZeroDivisionError: division by zero")


@pytest.mark.parametrize(
    ("text", "reference", "message"),
    [
        ("x = 1\n", "./my.py", "expected one class with a method `quotes`, found 0: none"),
        (SHAPELESS + SHAPELESS.replace("Mine", "Yours"), "./my.py", "found 2: Mine, Yours"),
        (EXAMPLE, "./my.py:Yours", "strategy ./my.py:Yours: there is no class Yours"),
        (EXAMPLE, "./my.py:Decimal", "Decimal has no method `quotes`"),
        ("Mine = 1\n", "./my.py:Mine", "there is no class Mine"),
        (SHAPELESS, "./my.py", "Mine has no method `initial_memory`"),
        (
            SHAPELESS + "    def initial_memory(self): ...\n",
            "./my.py",
            "Mine.Params was None, expected a frozen",
        ),
        (EXAMPLE.replace("frozen=True, ", ""), "./my.py", "expected a frozen dataclass"),
    ],
)
def test_what_is_no_strategy_is_refused(tmp_path: Path, text: str, reference: str, message: str) -> None:
    """The error says what is missing."""
    (tmp_path / "my.py").write_text(text)

    assert message in str(refused(reference, tmp_path))


@pytest.mark.parametrize("removed", ["needs, wake = (), Wake()", "needs, wake = None, Wake()", "needs = ()"])
def test_a_strategy_without_needs_or_wake_is_refused_when_it_starts(tmp_path: Path, removed: str) -> None:
    """What the engine asks of it has to be there before anything is quoted."""
    replacement = "pass" if removed.endswith("(), Wake()") else removed
    (tmp_path / "my.py").write_text(EXAMPLE.replace("needs, wake = (), Wake()", replacement))
    found = strategy_class("./my.py", tmp_path)
    params = found.params(order_amount_base=Decimal(1))  # type: ignore[call-arg]  # the class is known at run time

    with pytest.raises(ConfigError, match="expected `wake`") as caught:
        found.start(params, an_instrument())

    assert "needs = ()" in caught.value.hint
