"""What every rule in the drawer has to keep; members are found, not listed."""

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import mm.risk
from mm.domain.book import BookStatus
from mm.domain.commands import Place
from mm.domain.quotes import Quotes
from mm.risk.base import AlarmAction, Rule
from tests.builders.risk_rules import make_test_rules
from tests.builders.risk_views import ladder, make_exit, make_place, make_risk_view, make_sell

NOT_RULES = ("base", "rules")
MODULES = tuple(
    sorted(info.name for info in pkgutil.iter_modules(mm.risk.__path__) if info.name not in NOT_RULES)
)


def found_class(module_name: str) -> type[Rule]:
    """Return the one rule that a module of the drawer defines."""
    module = importlib.import_module(f"mm.risk.{module_name}")
    classes = [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, Rule) and member.__module__ == module.__name__
    ]
    assert len(classes) == 1, f"mm/risk/{module_name}.py holds {len(classes)} rules, expected one"
    return classes[0]


def codes_of(rule: type[Rule]) -> tuple[str, ...]:
    """Return the codes that a rule declares."""
    codes = getattr(rule, "codes", ())
    assert isinstance(codes, tuple)
    return codes


LOSS: dict[str, object] = {"session_pnl_atoms": -(10**11)}
HELD: dict[str, object] = {"inventory_lots": 50, "net_lots": 50}
REFUSED: dict[str, tuple[Place, dict[str, object]]] = {
    "book_health.unsynced": (make_place(), {"book_status": BookStatus.OUT_OF_SYNC}),
    "book_health.stale": (make_place(), {"book_age_ns": 3 * 10**9}),
    "book_health.crossed": (make_place(), {"book_crossed_ns": 1}),
    "book_health.empty_side": (make_place(), {"ask_ticks": 0}),
    "book_health.user_stream": (make_place(), {"user_stream_up": False}),
    "price_collar.no_reference": (make_place(), {"reference_half_ticks": 0}),
    "price_collar.outside": (make_place(price_ticks=9_000), {}),
    "self_trade.own_ask": (make_place(), {"own_ask_min_ticks": 9_995}),
    "self_trade.own_bid": (make_sell(), {"own_bid_max_ticks": 10_005}),
    "order_size.too_large": (make_place(size_lots=1_001), {}),
    "order_size.too_small": (make_place(size_lots=0), {}),
    "order_value.too_large": (make_place(size_lots=10**6), {}),
    "order_value.too_small": (make_place(size_lots=-1), {}),
    "inventory_band.long": (make_place(), {"inventory_lots": 991}),
    "inventory_band.short": (make_sell(), {"inventory_lots": -991}),
    "exposure": (make_place(), {"others_worst_atoms": 10**13}),
    "exposure.unpriced": (make_place(), {"others_unpriced": True}),
    "funds": (make_place(), {"quote_spendable_atoms": 0}),
    "open_orders.own": (make_place(), {"open_orders": 20}),
    "open_orders.venue": (make_exit(), {"open_orders": 200}),
    "message_rate": (make_place(), {"placed_minute": 236}),
    "slippage.taker": (make_place(post_only=False), {}),
    "slippage.not_reducing": (make_exit(), {}),
    "slippage.too_large": (make_exit(size_lots=51), HELD),
    "slippage.no_reference": (make_exit(), HELD | {"reference_half_ticks": 0}),
    "slippage.price": (make_exit(price_ticks=9_900), HELD),
    "fill_burst.count": (make_place(), {"fills_minute": 601}),
    "fill_burst.value": (make_place(), {"filled_minute_atoms": -(10**12) - 1}),
    "stop_loss.session": (make_place(), LOSS),
    "stop_loss.account": (make_place(), {"account_pnl_atoms": -2 * 10**11}),
    "stop_loss.open": (make_place(), {"open_pnl_atoms": -5 * 10**10}),
    "stop_loss.drawdown": (make_place(), {"session_peak_atoms": 3 * 10**10}),
}
"""One placement and one view per refusal code."""

WITHHELD_ONLY = ("self_trade.ladder",)
"""Codes that a shaping rule gives as a reason and that no single placement can meet."""


def test_no_code_is_without_its_example() -> None:
    """Every code that any rule declares has an example here, and no example is of a code that is gone."""
    declared = [code for name in MODULES for code in codes_of(found_class(name))]

    assert sorted(declared) == sorted([*REFUSED, *WITHHELD_ONLY])
    assert len(declared) == len(dict.fromkeys(declared))


@pytest.mark.parametrize("code", REFUSED)
def test_each_code_refuses_its_example(code: str) -> None:
    """The rule that declares the code gives it; facts are pairs of texts."""
    place, changes = REFUSED[code]
    module_name = code.partition(".")[0]
    rule = next(rule for rule in make_test_rules() if type(rule) is found_class(module_name))

    refusal = rule.admit(place, make_risk_view(**changes))

    assert refusal is not None
    assert refusal.code == code
    assert all(isinstance(text, str) for pair in refusal.facts for text in pair)


def test_a_ladder_that_meets_itself_names_its_code() -> None:
    """The one code that only shaping gives."""
    quotes = Quotes(ladder(10_000, -1, 1), ladder(10_000, 1, 1), "quoting", None)

    reasons = [rule.shape(quotes, make_risk_view()).reason for rule in make_test_rules()]

    assert [reason for reason in reasons if reason != "quoting"] == list(WITHHELD_ONLY)


def test_an_ordinary_placement_passes_every_rule() -> None:
    """The examples fail for their own cause and not because the builder's view is sick."""
    for rule in make_test_rules():
        for place in (make_place(), make_sell()):
            assert rule.admit(place, make_risk_view()) is None
        assert rule.admit(make_exit(), make_risk_view(**HELD)) is None
        assert rule.watch(make_risk_view()) is None


@pytest.mark.parametrize("name", MODULES)
def test_each_rule_has_its_place_in_the_tuple(name: str) -> None:
    """`make_rules` returns each rule of the drawer exactly once."""
    assert [type(rule) for rule in make_test_rules()].count(found_class(name)) == 1


@pytest.mark.parametrize("name", MODULES)
def test_each_code_is_named_after_its_rule_and_documented(name: str) -> None:
    """A code is the module's name, or that and a cause; the module's docstring says what it means."""
    module = importlib.import_module(f"mm.risk.{name}")
    codes, text = codes_of(found_class(name)), module.__doc__ or ""

    assert codes
    for code in codes:
        assert code == name or code.startswith(f"{name}.")
        assert f"\n    {code}: " in text, f"{code} is not explained in mm/risk/{name}.py"
    assert {"Invariant:", "Source:"} <= set(text.split())


@pytest.mark.parametrize("rule", make_test_rules(), ids=lambda rule: type(rule).__name__)
def test_each_rule_holds_limits_and_nothing_else(rule: Rule) -> None:
    """What a rule keeps on itself are integers and what a breach asks for: no state, no caches, no floats."""
    for name, value in vars(rule).items():
        assert type(value) is int or isinstance(value, AlarmAction), name


@pytest.mark.parametrize("name", MODULES)
def test_each_rule_does_something(name: str) -> None:
    """A rule overrides at least one of the three."""
    rule = found_class(name)

    assert any(getattr(rule, method) is not getattr(Rule, method) for method in ("shape", "admit", "watch"))


@pytest.mark.parametrize("name", MODULES)
def test_no_rule_imports_a_sibling(name: str) -> None:
    """Rules know the drawer's base only; their order and their limits meet in rules.py alone."""
    source = (Path(mm.risk.__path__[0]) / f"{name}.py").read_text(encoding="utf-8")
    imports = [node.module for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]

    assert [module for module in imports if (module or "").startswith("mm.risk")] == ["mm.risk.base"]
