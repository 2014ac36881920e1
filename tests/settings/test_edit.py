"""Changing one key in a config's text: that key, and no other line."""

import difflib
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.errors import ConfigError
from mm.settings.edit import with_key

EXAMPLES = tuple(sorted((Path(__file__).parents[2] / "config").glob("*.toml")))

TEXT = """\
# what this is
mode = "demo"            # never money

[pair.btc]
symbol = "BTC/USDT"

[pair.btc.params]        # near
bid_spread_bps = 4       # nearest
order_levels = 3

# about inventory
[pair.btc.inventory]
max_base = 0.05

[risk]
max_notional_quote = 4_000    # worst case
on_breach = "flatten"
"""


def changed(before: str, after: str) -> list[str]:
    """Return the lines that went and came."""
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[0] in "+-"]


@pytest.mark.parametrize(
    ("key", "value", "lines"),
    [
        (
            "risk.max_notional_quote",
            "3_500",
            [
                "- max_notional_quote = 4_000    # worst case",
                "+ max_notional_quote = 3_500    # worst case",
            ],
        ),
        ("risk.on_breach", "cancel_and_halt", ['- on_breach = "flatten"', '+ on_breach = "cancel_and_halt"']),
        ("risk.max_open_orders", "7", ["+ max_open_orders = 7"]),
        ("pair.btc.params.order_level_spread_bps", "2.5", ["+ order_level_spread_bps = 2.5"]),
        ("pair.btc.risk.max_open_orders", "7", ["+ ", "+ [pair.btc.risk]", "+ max_open_orders = 7"]),
        ("data_dir", "./var/x", ['+ data_dir = "./var/x"']),
        ("risk.on_breach", "off", ['- on_breach = "flatten"']),
        ("risk.max_open_orders", "off", []),
        ("nothing.like.it", "off", []),
    ],
)
def test_only_the_lines_of_the_key_change(key: str, value: str, lines: list[str]) -> None:
    """Its comment stays, and so does everything else."""
    assert changed(TEXT, with_key(TEXT, key, value)) == lines


def test_a_new_key_stands_behind_its_table_and_not_below_the_next_comment() -> None:
    """A comment belongs to what follows it."""
    made = with_key(TEXT, "pair.btc.params.order_levels_max", "1")
    assert "order_levels = 3\norder_levels_max = 1\n\n# about inventory\n" in made


def test_line_ends_and_a_missing_last_one_are_kept() -> None:
    """A file that was written elsewhere stays as it is."""
    there = TEXT.replace("\n", "\r\n")
    assert with_key(there, "risk.max_open_orders", "7") == there + "max_open_orders = 7\r\n"
    open_end = TEXT.rstrip("\n")
    assert with_key(open_end, "risk.max_open_orders", "7") == TEXT + "max_open_orders = 7\n"
    assert with_key("", "data_dir", "x") == 'data_dir = "x"\n'


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("risk = { max_open_orders = 3 }\n", "risk.session_loss_quote", "5"),
        ("risk.max_open_orders = 3\n", "risk.session_loss_quote", "5"),
        (TEXT, "risk.max_open_orders", "nan"),
        (TEXT, "risk.on_breach.x", "1"),
        (TEXT, "Risk", "1"),
        (TEXT, "mode", "live"),
    ],
)
def test_what_cannot_be_done_line_by_line_is_refused(text: str, key: str, value: str) -> None:
    """And the mode is never set by a command."""
    with pytest.raises(ConfigError):
        with_key(text, key, value)


@pytest.mark.parametrize(
    "value", ["1\nrisk = 2", '"', "]", "5 # x", "a = 1", "[1, 2]", "{x = 1}", "2024-01-01", "true", ""]
)
def test_a_value_never_reaches_beyond_its_key(value: str) -> None:
    """Whatever it is, it is one value: nothing is smuggled in behind it."""
    before, after = tomllib.loads(TEXT), tomllib.loads(with_key(TEXT, "risk.max_notional_quote", value))
    after["risk"]["max_notional_quote"] = before["risk"]["max_notional_quote"]
    assert after == before


KEYS = st.sampled_from(
    [
        "risk",
        "pair.btc",
        "pair.btc.params",
        "pair.btc.inventory",
        "pair.btc.risk",
        "log",
        "demo",
        "stp",
        "venue.main",
    ]
)
NAMES = st.from_regex(r"[a-z]{1,6}(_[a-z]{1,4})?", fullmatch=True)
VALUES = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.decimals(-1000, 1000, allow_nan=False, places=4).map(lambda number: f"{number:f}"),
    st.booleans().map(lambda flag: str(flag).lower()),
    st.text(max_size=12),
    st.just("off"),
)


@given(
    which=st.sampled_from([TEXT, *(path.read_text() for path in EXAMPLES)]),
    edits=st.lists(st.tuples(KEYS, NAMES, VALUES), min_size=1, max_size=6),
)
def test_comments_survive_any_edits(which: str, edits: list[tuple[str, str, str]]) -> None:
    """Every comment of its own line is there afterwards, in order, and the text is still a config's."""
    text = which
    for table, name, value in edits:
        try:
            text = with_key(text, f"{table}.{name}", value)
        except ConfigError:
            continue
    tomllib.loads(text)
    own = [line for line in which.splitlines() if line.lstrip().startswith("#")]
    assert [line for line in text.splitlines() if line in own] == own


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: Path(path).name)
def test_every_shipped_config_can_be_edited_key_by_key(path: Path) -> None:
    """Each key that stands in it, set to what it is: not a byte changes."""
    text = path.read_text()

    def walk(table: dict[str, object], above: str) -> None:
        for name, value in table.items():
            if isinstance(value, dict):
                walk(value, f"{above}{name}.")
            elif above + name != "mode":
                shown = str(value).lower() if isinstance(value, bool) else str(value)
                made = with_key(text, above + name, shown)
                assert tomllib.loads(made) == tomllib.loads(text)
                assert len(made.splitlines()) == len(text.splitlines())

    walk(tomllib.loads(text), "")
