"""Two runs beside each other: acts matched by what they are and when, figures with their errors, words."""

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.observe.compare_acts import (
    CANCEL,
    FILL,
    PLACE,
    Act,
    Pairing,
    pairings,
    parting,
    renamed,
    shift_of,
)
from mm.observe.compare_figures import FigureRow, figure_rows
from mm.observe.compare_page import Drawable, page
from mm.observe.compare_words import Comparison, RunNamed, SessionPair, fields, words

MS = 1_000_000
S = 1_000 * MS


def act(ts_ns: int, price: int = 100, *, kind: str = PLACE, session: str = "btc", size: str = "0.10") -> Act:
    """An act; a bid unless it is said otherwise."""
    return Act(ts_ns, kind, session, "BTC/USDT", "buy", Decimal(price), Decimal(size))


def compared(first: list[Act], second: list[Act], *, shift_ns: int = 0, within_ns: int = S) -> Comparison:
    """The comparison of two runs that did this."""
    run = RunNamed(run_id="A", mode="paper", directory="a", began_ns=0, ended_ns=10 * S, made="")
    return Comparison(
        first=run,
        second=run,
        shift_ns=shift_ns,
        within_ns=within_ns,
        pairings=pairings(first, second, shift_ns=shift_ns, within_ns=within_ns),
        sessions=(),
    )


def of(made: Comparison, kind: str) -> Pairing:
    """How one kind compares."""
    return next(one for one in made.pairings if one.kind == kind)


def test_the_same_acts_at_the_same_times_are_the_same() -> None:
    """Whatever their ids, and however their numbers are written."""
    first = [act(S), act(2 * S, kind=CANCEL), act(3 * S, kind=FILL)]
    second = [one._replace(cid="other", size=Decimal("0.1")) for one in first]
    made = compared(first, second)
    assert made.is_same
    assert made.parting is None
    assert [one.same for one in made.pairings] == [1, 1, 1]
    assert list(words(made))[-1] == "Same decisions at the same times, same fills."


def test_two_runs_that_did_nothing_are_the_same() -> None:
    """And the words say that there was nothing."""
    made = compared([], [])
    assert made.is_same
    assert list(words(made))[-1] == "Neither did anything."


def test_an_act_at_another_time_has_moved_by_that_much() -> None:
    """Within the time allowed; beyond it one is missing and another one added."""
    made = compared([act(S), act(5 * S)], [act(S + 30 * MS), act(7 * S)])
    placed = of(made, PLACE)
    assert [(one.first.ts_ns, one.late_ns) for one in placed.moved] == [(S, 30 * MS)]
    assert [one.ts_ns for one in placed.missing] == [5 * S]
    assert [one.ts_ns for one in placed.added] == [7 * S]
    assert placed.differences == 3
    assert (placed.median_late_ns, placed.most_moved_ns) == (30 * MS, 30 * MS)
    assert "1 moved in time (later, 30.000 ms in the middle, 30.000 ms at most)" in next(iter(words(made)))


def test_an_equal_act_at_an_equal_time_is_never_given_to_another_one() -> None:
    """Although an earlier one is nearer in the order."""
    made = compared([act(S), act(S + 100 * MS)], [act(S + 100 * MS)])
    assert of(made, PLACE).same == 1
    assert [one.ts_ns for one in of(made, PLACE).missing] == [S]


def test_acts_of_other_prices_sizes_sides_or_roles_are_other_acts() -> None:
    """Nothing is matched by time alone."""
    first = act(S)
    for other in (
        act(S, 101),
        act(S, size="0.2"),
        first._replace(side="sell"),
        first._replace(maker=False),
        act(S, session="eth"),
        act(S, kind=CANCEL),
    ):
        made = compared([first], [other])
        assert not made.is_same
        assert not any(one.same for one in made.pairings)


def test_they_first_part_where_the_first_difference_is() -> None:
    """By the first run's clock, of whatever kind; the words say what each does."""
    first = [act(S), act(2 * S, kind=FILL), act(3 * S)]
    made = compared(first, [act(S), act(3 * S)])
    assert made.parting is not None
    assert made.parting.ts_ns == 2 * S
    told = list(words(made))[-1]
    assert told.startswith("They first part at 1970-01-01 00:00:02.000000: btc is filled: bid at 100")
    assert told.endswith("for 0.1; the second does not.")
    added = list(words(compared([], [act(S)])))[-1]
    assert added.endswith("in the second, btc places: bid at 100 for 0.1; the first does not.")
    moved = list(words(compared([act(S)], [act(S - MS)])))[-1]
    assert moved.endswith("btc places: bid at 100 for 0.1; the second does so 1.000 ms earlier.")


def test_runs_in_other_times_are_shifted_so_that_their_first_acts_meet() -> None:
    """Those that overlap in time are not."""
    first = [act(S), act(3 * S)]
    assert shift_of(first, [act(S + MS), act(3 * S)]) == 0
    assert shift_of(first, [act(100 * S), act(102 * S)]) == 99 * S
    assert shift_of(first, []) == 0
    made = compared(first, [act(100 * S), act(102 * S)], shift_ns=99 * S)
    assert made.is_same
    assert "The second's are taken" not in next(iter(words(made)))
    assert "so that the first acts of both meet" in next(iter(words(made)))


def test_a_session_that_bears_another_name_there_can_be_the_same() -> None:
    """Whoever reads both says which is which."""
    assert renamed([act(S, session="a")], {"a": "btc"}) == [act(S)]


def test_a_session_of_one_run_alone_is_a_difference() -> None:
    """Even if nothing else is."""
    run = RunNamed(run_id="A", mode="paper", directory="a", began_ns=0, ended_ns=S, made="")
    made = Comparison(
        first=run,
        second=run,
        shift_ns=0,
        within_ns=S,
        pairings=pairings([], [], shift_ns=0, within_ns=S),
        sessions=(),
        alone=("Session eth is in the first alone.",),
    )
    assert not made.is_same
    assert next(words(made)) == "Session eth is in the first alone."


TIMES = st.lists(st.integers(0, 40), max_size=12)


def naive(first: list[int], second: list[int], within: int) -> tuple[int, int]:
    """How many are the same and how many can be matched at most, by trying every choice."""
    both = Counter(first) & Counter(second)
    mine, theirs = sorted((Counter(first) - both).elements()), sorted((Counter(second) - both).elements())

    def most(at: int, taken: frozenset[int]) -> int:
        if at == len(mine):
            return 0
        best = most(at + 1, taken)
        for place, time in enumerate(theirs):
            if place not in taken and abs(time - mine[at]) <= within:
                best = max(best, 1 + most(at + 1, taken | {place}))
        return best

    return both.total(), most(0, frozenset())


@given(st.lists(st.integers(0, 20), max_size=6), st.lists(st.integers(0, 20), max_size=6), st.integers(0, 5))
def test_as_many_acts_are_matched_as_can_be(first: list[int], second: list[int], within: int) -> None:
    """As many as a search through all choices finds, each once, none too far."""
    made = pairings(
        [act(ts) for ts in sorted(first)], [act(ts) for ts in sorted(second)], shift_ns=0, within_ns=within
    )[0]
    same, most = naive(first, second, within)
    assert (made.same, len(made.moved)) == (same, most)
    assert made.same + len(made.moved) + len(made.missing) == len(first)
    assert made.same + len(made.moved) + len(made.added) == len(second)
    assert all(0 < abs(one.late_ns) <= within for one in made.moved)


@given(TIMES, TIMES)
def test_whoever_comes_first_only_the_names_of_the_differences_change(
    first: list[int], second: list[int]
) -> None:
    """Missing is added seen from the other side."""
    mine, theirs = [act(ts) for ts in sorted(first)], [act(ts) for ts in sorted(second)]
    one, other = (pairings(*pair, shift_ns=0, within_ns=3)[0] for pair in ((mine, theirs), (theirs, mine)))
    assert (one.same, len(one.moved)) == (other.same, len(other.moved))
    assert (len(one.missing), len(one.added)) == (len(other.added), len(other.missing))
    assert (parting([one], 0) is None) == (parting([other], 0) is None)


# ---- figures


def shown(net: str, *, fills: int = 10, mean: float | None = 0.5) -> dict[str, object]:
    """A few figures of a session."""
    curve = [
        {"horizon_s": 0.0, "mean_bps": 1.0, "error_bps": 0.1, "money_error_bps": 0.2},
        {"horizon_s": 1.0, "mean_bps": mean, "error_bps": 0.3, "money_error_bps": 0.4},
    ]
    return {
        "quote": "USDT",
        "base": "BTC",
        "pnl": {
            "net_quote": net,
            "spread_quote": "3",
            "fees_quote": "-1",
            "rebates_quote": "0.25",
            "fee_drift_quote": "0",
            "turnover_quote": "10000",
            "fills": fills,
            "horizons": [{"horizon_s": 1.0, "adverse_quote": "0.5", "carry_quote": "-0.25"}],
        },
        "markouts": {"every": curve},
        "performance": {"intervals": 4, "deviation_quote": 0.5, "max_drawdown_quote": "2"},
    }


def row(rows: tuple[FigureRow, ...], key: str) -> FigureRow:
    """One of them."""
    return next(one for one in rows if one.key == key)


def test_figures_stand_beside_each_other_with_their_errors() -> None:
    """P&L by its intervals, adverse selection by the markout of money, the rest as measured."""
    rows = figure_rows(shown("5"), shown("6.5", mean=2.5))
    net = row(rows, "net_quote")
    assert (net.first, net.second, net.unit) == (5.0, 6.5, "USDT")
    assert net.first_error == net.second_error == pytest.approx(1.0)
    assert net.difference == pytest.approx(1.5)
    assert net.difference_error == pytest.approx(2**0.5)
    assert net.is_apart is False
    assert row(rows, "adverse_quote").first_error == pytest.approx(0.4)
    assert row(rows, "markout_1s_bps").is_apart is True
    assert row(rows, "costs_quote").first == pytest.approx(-0.75)
    assert row(rows, "spread_quote").is_apart is None


def test_what_a_run_does_not_know_is_nothing() -> None:
    """Never 0, whatever is missing or of another form."""
    rows = figure_rows(None, {"pnl": {"net_quote": "none", "fills": True}, "markouts": {"every": 3}})
    assert all(one.first is None and one.second is None for one in rows)
    assert all(one.difference is None and one.is_apart is None for one in rows)


def test_a_comparison_is_told_as_json() -> None:
    """Counts of all, the differences one by one up to a bound, figures by their keys."""
    made = compared([act(S), act(2 * S, 99)], [act(S + MS)])
    pair = SessionPair(
        name="btc", other_name="btc", symbol="BTC/USDT", rows=figure_rows(shown("1"), shown("2"))
    )
    content = fields(
        Comparison(
            first=made.first,
            second=made.second,
            shift_ns=0,
            within_ns=S,
            pairings=made.pairings,
            sessions=(pair,),
        )
    )
    acts = content["acts"]
    assert isinstance(acts, dict)
    assert acts["place"]["moved"] == 1
    assert acts["place"]["listed"]["moved"][0]["late_ms"] == 1.0
    assert acts["place"]["listed"]["missing"][0]["price"] == "99"
    sessions = content["sessions"]
    assert isinstance(sessions, list)
    assert sessions[0]["figures"]["net_quote"]["difference"] == 1.0
    assert content["same"] is False


def test_a_page_needs_no_pictures_and_believes_no_text() -> None:
    """Where no run was repeated words and figures are there; names are escaped."""
    made = compared([act(S, session="<b>")], [])
    pair = SessionPair(
        name="<b>", other_name="other", symbol="BTC/USDT", rows=figure_rows(shown("1"), shown("-2.5"))
    )
    text = page(made, [Drawable(pair=pair, first=None, second=None)])
    assert "<h2>&lt;b&gt; and other: BTC/USDT</h2>" in text
    assert "&lt;b&gt; places: bid at 100 for 0.1" in text
    assert "&minus;2.5" in text
    assert "<svg" not in text
    assert "Orders placed: 1 differ" in text
