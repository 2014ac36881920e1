"""The part of YAML that is read, and that nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.errors import ConfigError
from mm.settings.hummingbot_yaml import Node, read_conf

Plain = str | list[object] | dict[str, object] | None


def plain(node: Node) -> object:
    """The value without its lines."""
    if isinstance(node.value, list):
        return [plain(inner) for inner in node.value]
    if isinstance(node.value, dict):
        return {key: plain(inner) for key, inner in node.value.items()}
    return node.value


def read(text: str) -> dict[str, object]:
    """Every key with its value."""
    return {key: plain(node) for key, node in read_conf(text, "conf.yml").items()}


def test_values_comments_and_quotes() -> None:
    """As a strategy file is written, its comments between the keys."""
    text = """\
---
#### head ####
strategy: pure_market_making   # said twice: no

bid_spread: 0.1
name: 'it''s # no comment'
other: "say \\"a\\" # b"
url: https://example.org/#part
empty:
nothing: null
tilde: ~
mode: {}
"""

    assert read(text) == {
        "strategy": "pure_market_making",
        "bid_spread": "0.1",
        "name": "it's # no comment",
        "other": 'say "a" # b',
        "url": "https://example.org/#part",
        "empty": None,
        "nothing": None,
        "tilde": None,
        "mode": {},
    }


def test_lists_and_tables() -> None:
    """On one line or below; a list may stand at the indentation of its key."""
    text = """\
flow: [buy, 0.5, 'a, b', ]
below:
- 1
- 'two'
inside:
  - 3
none: []
orders:
    order_1: [buy, 0.5, 100]
    "order 2":
    - sell
    - 1
after: 1
"""

    assert read(text) == {
        "flow": ["buy", "0.5", "a, b"],
        "below": ["1", "two"],
        "inside": ["3"],
        "none": [],
        "orders": {"order_1": ["buy", "0.5", "100"], "order 2": ["sell", "1"]},
        "after": "1",
    }


def test_each_key_has_its_line() -> None:
    """Counted from 1, comments and empty lines included."""
    found = read_conf("# one\n\na: 1\nb:\n  c: 2\n", "conf.yml")

    assert found["a"].line == 3
    inner = found["b"].value
    assert isinstance(inner, dict)
    assert (found["b"].line, inner["c"].line) == (4, 5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "conf.yml:1: there is nothing in it"),
        ("# only a comment\n", "conf.yml:1: there is nothing in it"),
        ("a: 1\n\tb: 2\n", "conf.yml:2: a tab is no indentation here"),
        ("a: 1\na: 2\n", "conf.yml:2: a is there twice; first in line 1"),
        ("a: 1\n  b: 2\n", "conf.yml:2: expected `key: value` at the indentation of the others"),
        ("a:\n    b: 1\n  c: 2\n", "conf.yml:3: expected `key: value` at the indentation of the others"),
        ("just words\n", "conf.yml:1: expected `key: value`"),
        ("- 1\n", "conf.yml:1: expected `key: value`"),
        ("a: &anchor 1\n", "conf.yml:1: cannot be read"),
        ("a: *anchor\n", "conf.yml:1: cannot be read"),
        ("a: !!python/object/apply:os.system [x]\n", "conf.yml:1: cannot be read"),
        ("a: |\n  text\n", "conf.yml:1: cannot be read"),
        ("a: {b: 1}\n", "conf.yml:1: cannot be read"),
        ("a: 'open\n", "conf.yml:1: cannot be read"),
        ("a: b: c\n", "conf.yml:1: cannot be read"),
        ("a: [1,\n  2]\n", "conf.yml:1: expected a list on one line"),
        ("a: [1, [2]]\n", "conf.yml:1: expected a list of single values"),
        ("a: [,]\n", "conf.yml:1: expected a list of single values"),
        ("a:\n- b: 1\n", "conf.yml:2: expected a single value"),
        ("a:\n- - 1\n", "conf.yml:2: expected a single value"),
        ("a:\n b:\n  c:\n   d:\n    e: 1\n", "conf.yml:5: expected `key: value`"),
        ("a: 1\n---\nb: 2\n", "conf.yml:2: expected `key: value`"),
    ],
)
def test_all_else_is_refused_by_its_line(text: str, said: str) -> None:
    """Nothing of a file can do more than name values."""
    with pytest.raises(ConfigError) as caught:
        read(text)

    assert str(caught.value).startswith(said)


@given(st.text(alphabet="ab:-[]{}'\"#, \n\t\\&|1", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """There is no third outcome."""
    assert refusal(text).startswith("conf.yml:") or read(text)


def refusal(text: str) -> str:
    """Why a text is refused, "" if it is not."""
    try:
        read(text)
    except ConfigError as error:
        return str(error)
    return ""
