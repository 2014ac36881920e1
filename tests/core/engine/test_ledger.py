"""Expected holdings against listings: exact sums, differences, and how many of them are kept."""

from hypothesis import given
from hypothesis import strategies as st

from mm.engine.ledger import ASSETS_MAX, EXTERNAL_MAX, Ledger

ASSETS = st.sampled_from(["AAA", "BBB", "FFF"])
MOVES = st.dictionaries(ASSETS, st.integers(-(10**20), 10**20), max_size=3)


@given(
    first=MOVES,
    moves=st.lists(MOVES, max_size=20),
    booked=st.lists(st.tuples(ASSETS, st.integers(-9, 9)), max_size=9),
)
def test_holdings_are_the_first_count_and_all_that_came_after(
    first: dict[str, int], moves: list[dict[str, int]], booked: list[tuple[str, int]]
) -> None:
    """Beside a naive sum, in integers of any size."""
    ledger = Ledger()
    ledger.move(1, {"AAA": 5})
    ledger.open(first)
    naive = dict(first)
    for number, one in enumerate(moves):
        ledger.move(number, one)
    for asset, atoms in booked:
        ledger.book(9, asset, atoms)
    for asset, atoms in [pair for one in moves for pair in one.items()] + booked:
        naive[asset] = naive.get(asset, 0) + atoms
    assert ledger.holdings == naive
    assert ledger.movements == len(moves) + 1
    assert ledger.external_count == len(booked)


def test_a_listing_is_compared_asset_by_asset_and_what_is_missing_in_it_is_nothing() -> None:
    """An asset that nobody expected is a difference, one that vanished is as well."""
    ledger = Ledger()
    ledger.open({"AAA": 10, "BBB": 5, "CCC": 0})
    ledger.compare(100, 120, {"AAA": 10, "DDD": 3})
    assert ledger.look is not None
    assert ledger.look.differences == {"BBB": -5, "DDD": 3}
    assert (ledger.look.asked_ns, ledger.look.heard_ns, ledger.look.movements) == (100, 120, 0)
    assert ledger.agreed_ns == {"AAA": 100, "CCC": 100}


def test_a_listing_that_says_the_same_again_makes_the_look_no_younger() -> None:
    """However often balances are listed, a difference gets old enough to be believed."""
    ledger = Ledger()
    ledger.open({"AAA": 10})
    seen = []
    for asked_ns, found in ((100, 11), (200, 11), (300, 12)):
        ledger.compare(asked_ns, asked_ns + 1, {"AAA": found})
        seen.append(asked_of(ledger))
    ledger.move(302, {"AAA": 0})
    for asked_ns in (400, 401):
        ledger.compare(asked_ns, asked_ns + 1, {"AAA": 12})
        seen.append(asked_of(ledger))
    ledger.move(450, {"AAA": 0})
    for asked_ns in (440, 470):
        ledger.compare(asked_ns, asked_ns + 1, {"AAA": 12})
        seen.append(asked_of(ledger))
    assert seen == [100, 100, 300, 400, 400, 440, 470]


def asked_of(ledger: Ledger) -> int:
    """Return when the look that is being judged had been asked."""
    assert ledger.look is not None
    return ledger.look.asked_ns


def test_a_listing_without_a_difference_ends_every_suspicion() -> None:
    """What strangers traded explains nothing any more either."""
    ledger = Ledger()
    ledger.open({"AAA": 10})
    ledger.suspected = {"AAA": 1}
    ledger.note_other({"AAA": 4, "BBB": -8})
    ledger.note_other({"AAA": 4})
    assert ledger.others == {"AAA": 8, "BBB": -8}
    ledger.compare(1, 2, {"AAA": 10})
    assert (ledger.suspected, ledger.others) == ({}, {})


def test_what_had_happened_before_the_counted_balances_were_asked_for_is_in_the_count() -> None:
    """By symbol and number, once the ledger is open; an answer to an earlier request says less."""
    ledger = Ledger()
    ledger.note_asked(100, {"AAA/BBB": 40, "CCC/BBB": -1})
    ledger.compare(100, 120, {"AAA": 10})
    assert not ledger.has_counted("AAA/BBB", 39)
    ledger.open({"AAA": 10})
    assert [ledger.has_counted("AAA/BBB", number) for number in (39, 40)] == [True, False]
    assert not ledger.has_counted("CCC/BBB", 0)
    assert not ledger.has_counted("DDD/BBB", 0)
    ledger.note_asked(200, {"AAA/BBB": 50})
    ledger.compare(200, 220, {"AAA": 10})
    assert not ledger.has_counted("AAA/BBB", 49), "the count is the first one"


def test_an_answer_to_a_request_that_was_given_up_covers_no_execution() -> None:
    """It may be older than what listings of fills have shown since."""
    ledger = Ledger()
    ledger.note_asked(100, {"AAA/BBB": 40})
    ledger.compare(99, 120, {"AAA": 10})
    ledger.open({"AAA": 10})
    assert not ledger.has_counted("AAA/BBB", 0)


def test_only_the_last_differences_are_kept_and_all_are_counted() -> None:
    """The journal has the rest; what rounding left is none."""
    ledger = Ledger()
    ledger.open({})
    for number in range(EXTERNAL_MAX + 5):
        ledger.book(number, "AAA", 1)
    ledger.book(0, "AAA", 1, external=False)
    assert len(ledger.external) == EXTERNAL_MAX
    assert ledger.external_count == EXTERNAL_MAX + 5
    last = ledger.external[-1]
    assert (last.ts_ns, last.asset, last.atoms) == (EXTERNAL_MAX + 4, "AAA", 1)
    assert (last.expected_atoms, last.found_atoms) == (EXTERNAL_MAX + 4, EXTERNAL_MAX + 5)


def test_fills_are_counted_since_the_venue_last_agreed() -> None:
    """Per asset; from the beginning where it never did."""
    ledger = Ledger()
    ledger.open({"AAA": 1, "BBB": 9})
    ledger.move(1, {"AAA": 1})
    ledger.compare(2, 3, {"AAA": 2, "BBB": 0})
    ledger.move(4, {"AAA": 1})
    assert ledger.fills_since_agreed("AAA") == 1
    assert ledger.fills_since_agreed("BBB") == 2


def test_a_venue_that_invents_assets_fills_no_memory() -> None:
    """More than any venue has are let pass; what is known is compared as before."""
    ledger = Ledger()
    ledger.open({"AAA": 10})
    for number in range(0, ASSETS_MAX + 1_000, 500):
        found = {f"X{one}": 0 for one in range(number, number + 500)}
        ledger.compare(100 + number, 101 + number, {"AAA": 10, **found})
    assert len(ledger.agreed_ns) + len(ledger.holdings) <= ASSETS_MAX + 1
    ledger.compare(9_000, 9_001, {"AAA": 11, "one too many": 5})
    assert ledger.look is not None
    assert ledger.look.differences == {"AAA": 1}
