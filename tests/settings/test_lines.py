"""The line of every key, compared with what the parser finds."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.settings.lines import KeyPath, key_lines

SAMPLE = """\
# a comment with [brackets] and = signs
top = 1

[pair.btc]      # header
symbol = "BTC/USDT" # not = a key
"quoted key" = 'literal ]'
params.bid = 2
long = \"\"\"
[not.a.header]
key = 1 \\\"\"\"
\"\"\"
raw = '''
x = 2 '''
list = [ 1,
  { a = 1, "b" = [ "x", ] },   # comment, in a list
  [ 2 ],
]
when = 1979-05-27 07:32:00

[[rows]]
a = 1
[rows.inner]
b = 2
[[rows]]
a = 3
[ spaced . out ]
"""


def paths(value: object, path: KeyPath = ()) -> set[KeyPath]:
    """Every table, key and list element of a parsed document."""
    found: set[KeyPath] = {path} if path else set()
    if isinstance(value, dict):
        for key, inner in value.items():
            found |= paths(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found |= paths(inner, (*path, str(index)))
    return found


def test_every_key_of_the_sample_has_its_own_line() -> None:
    """Comments, strings of all kinds, lists and nested tables do not mislead the scan."""
    lines = key_lines(SAMPLE)

    assert set(lines) == paths(tomllib.loads(SAMPLE))
    wanted = {
        ("top",): 2,
        ("pair",): 4,
        ("pair", "btc"): 4,
        ("pair", "btc", "symbol"): 5,
        ("pair", "btc", "quoted key"): 6,
        ("pair", "btc", "params", "bid"): 7,
        ("pair", "btc", "long"): 8,
        ("pair", "btc", "raw"): 12,
        ("pair", "btc", "list", "1", "a"): 15,
        ("pair", "btc", "list", "2", "0"): 16,
        ("rows", "0", "a"): 21,
        ("rows", "0", "inner", "b"): 23,
        ("rows", "1", "a"): 25,
        ("spaced", "out"): 26,
    }
    assert {path: lines[path] for path in wanted} == wanted


def test_windows_line_ends_count_as_one() -> None:
    """A file saved on Windows has the same lines."""
    assert key_lines("a = 1\r\nb = 2\r\n") == {("a",): 1, ("b",): 2}


@pytest.mark.parametrize(
    "text", ["", "\n\n", "# nothing", "a = 1", 'a = ""', 'a = """"""', "a=[]", "a={}", "a=''"]
)
def test_small_documents_are_scanned_to_their_end(text: str) -> None:
    """The shortest forms end where the text ends."""
    assert set(key_lines(text)) == paths(tomllib.loads(text))


NAMES = st.text("abcxyz019_-", min_size=1, max_size=5)
STRINGS = st.text("ab\"'\\\n#=[]{}.,", max_size=8)


def basic(text: str) -> str:
    """A TOML basic string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def literal(value: object) -> str:
    """A TOML value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return basic(value)
    if isinstance(value, list):
        return "[\n" + ",\n# c ]\n".join(literal(one) for one in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{basic(key)} = {literal(one)}" for key, one in value.items()) + "}"
    return str(value)


VALUES = st.recursive(
    st.one_of(st.integers(-99, 99), st.booleans(), STRINGS, st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, max_size=4), max_size=4))
def test_the_scan_finds_what_the_parser_finds(tables: dict[str, dict[str, object]]) -> None:
    """For any document the scan has a line for each path of the parser, on the line where it was written."""
    text = ""
    lines: dict[KeyPath, int] = {}
    for name, table in tables.items():
        lines[(name,)] = text.count("\n") + 1
        text += f"[{name}] # [x]\n"
        for key, value in table.items():
            lines[(name, key)] = text.count("\n") + 1
            text += f"{key} = {literal(value)} # c = 1\n"

    found = key_lines(text)

    assert set(found) == paths(tomllib.loads(text))
    assert {path: found[path] for path in lines} == lines
