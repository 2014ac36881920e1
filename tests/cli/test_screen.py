"""The live view: right on a small terminal, and never broken by what a status lacks."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from mm.cli.screen import Screen, picture
from tests.builders.daemon import daemon_status, session_status

HINT = "ctrl-c stops"


def drawn(status: dict[str, object], width: int = 80, height: int = 24) -> list[str]:
    """The screen as lines of text."""
    console = Console(file=io.StringIO(), width=width, height=height, record=True, force_terminal=True)
    console.print(picture(status, width=width, height=height, hint=HINT))
    return console.export_text().rstrip("\n").split("\n")


def test_a_small_terminal_is_filled_and_not_exceeded() -> None:
    """80 by 24, the smallest that everybody has: everything fits and nothing is cut."""
    lines = drawn(daemon_status())

    assert len(lines) == 24
    assert max(len(line) for line in lines) == 80
    text = "\n".join(lines)
    assert "…" not in text
    for words in (
        "mm demo",
        "active",
        "quoting",
        "P&L",
        "+1.23 USDT",
        "spread",
        "inventory",
        "fees",
        "book age",
    ):
        assert words in text
    assert lines[-1] == HINT


def test_own_quotes_are_marked_inside_the_book() -> None:
    """At their price, between the others, even when they stand far out."""
    lines = drawn(daemon_status())

    def line_of(price: str) -> int:
        return next(number for number, line in enumerate(lines) if price in line)

    for price in ("60014.69", "60030.10", "60008.10", "59990.20"):
        assert "0.004 ▶" in lines[line_of(price)]
    assert line_of("60030.10") < line_of("60014.69") < line_of("60012.345") < line_of("60008.10")
    assert "▶" not in lines[line_of("60015.00")]


def test_the_best_prices_stay_when_own_quotes_fill_the_room() -> None:
    """Twenty own levels do not push the touch off the screen."""
    own = [[f"{59_000 - level}", "0.1", level] for level in range(20)]

    text = "\n".join(drawn(daemon_status(sessions=[session_status(own_bids=own)])))

    assert "60010.00" in text
    assert "59000.00" in text


def test_two_own_orders_on_one_price_are_both_shown() -> None:
    """A replaced order may be live beside its successor."""
    own = [["60008.1", "0.004", 0], ["60008.1", "0.002", 0]]

    assert "0.004+0.002" in "\n".join(drawn(daemon_status(sessions=[session_status(own_bids=own)])))


@pytest.mark.parametrize(
    ("held", "bar"),
    [
        ("0", "[······│······]"),
        ("0.05", "[······│██████]"),
        ("-0.05", "[██████│······]"),
        ("0.025", "[······│███···]"),
        ("0.5", "[······│██████]"),
        ("x", "[······│······]"),
    ],
)
def test_the_inventory_is_drawn_against_its_limit(held: str, bar: str) -> None:
    """From the middle to the side it leans to; full at the limit and beyond."""
    assert bar in "\n".join(drawn(daemon_status(sessions=[session_status(inventory_base=held)])))


def test_alarms_are_said_in_words() -> None:
    """Unknown orders, an unexplained P&L, a book or a stream that cannot be trusted."""
    session = session_status(
        unknown_orders=2,
        pnl={"total_quote": "1", "residual": 1},
        book_status="out_of_sync",
        book_age_ms=9_000,
        user_stream_ok=False,
    )

    text = "\n".join(drawn(daemon_status(sessions=[session]), width=120))

    for words in ("2 unknown", "unexplained!", "9.0 s", "out_of_sync, own orders unseen"):
        assert words in text


def test_a_halt_takes_the_second_line() -> None:
    """With its cause and what lifts it, whole on 80 columns."""
    latch = {"code": "stop_loss.session", "since_ms": 1, "confirmed": True}

    assert drawn(daemon_status(latch=latch))[1] == (
        "■ HALTED stop_loss.session, no order left; to lift: mm unhalt --reason '...'"
    )
    assert "confirming" in drawn(daemon_status(latch={"code": "x"}))[1]


def test_further_sessions_get_a_line_each() -> None:
    """The first one has the room."""
    lines = drawn(daemon_status(sessions=[session_status(), session_status(name="eth", symbol="ETH/USDT")]))

    assert len(lines) <= 24
    assert any(line.startswith(" eth ETH/USDT active") for line in lines)


@pytest.mark.parametrize(
    ("width", "height"), [(40, 20), (60, 20), (60, 40), (69, 24), (70, 24), (200, 60), (20, 5), (1, 1)]
)
def test_other_terminals_are_not_exceeded_in_width(width: int, height: int) -> None:
    """Narrow ones stack the panels; very small ones show what they can."""
    lines = drawn(daemon_status(), width, height)

    assert max(len(line) for line in lines) <= width
    assert len(lines) <= max(height, 20)


def test_before_the_first_status_the_view_says_so() -> None:
    """An empty frame, not an error."""
    lines = drawn({})

    assert lines[1] == "starting ..."
    assert "none yet" in "\n".join(lines)


JUNK = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10), st.just("1e999999")
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
KEYS = sorted(daemon_status())
SESSION_KEYS = sorted(session_status())


@given(
    st.dictionaries(st.sampled_from(KEYS), JUNK, max_size=3),
    st.dictionaries(st.sampled_from(SESSION_KEYS), JUNK, max_size=4),
    st.sampled_from([(80, 24), (50, 24), (120, 50)]),
)
def test_no_status_breaks_the_view(
    outer: dict[str, object], inner: dict[str, object], size: tuple[int, int]
) -> None:
    """Whatever is missing or of the wrong kind shows as absent."""
    status = daemon_status(sessions=[session_status(**inner)])

    assert drawn({**status, **outer}, *size)


def test_the_screen_shows_the_newest_status_and_gives_the_terminal_back() -> None:
    """`show` only keeps the status; drawing is the screen's own business."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80, height=24, color_system=None)

    screen = Screen(console, hint=HINT)
    screen.show(daemon_status(run_seconds=3))
    screen.show(daemon_status(run_seconds=7))

    with screen:
        assert "\x1b[?1049h" in file.getvalue()

    assert file.getvalue().endswith("\x1b[?1049l")
    assert "00:00:07" in file.getvalue()
    assert "00:00:03" not in file.getvalue()
