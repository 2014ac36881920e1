"""Markets that a strategy watches beside its own: seen, never traded, and nobody else's concern."""

import pytest
from msgspec.structs import replace

from mm.domain.commands import Cancel, Connect, ListFills, ListOrders, Place, SyncBook
from mm.domain.events import PublicTrade
from mm.domain.sides import Side
from mm.domain.view import Other, View
from mm.engine.estate import estate_of
from mm.engine.explain import explain
from mm.strategies.base import Wake, Watch
from tests.builders.config_changes import change, foreseen
from tests.builders.engine_ladder import SECOND_NS, Scripted, TallySpec
from tests.builders.engine_rig import MID, MS, START_NS, Rig, make_session, of
from tests.builders.instruments import INSTRUMENT, OTHER
from tests.builders.watching_rigs import AWAY, OWN, SEEN, abroad, decisions, last_view, watcher, watching


def test_a_watched_market_is_seen_with_its_prices_and_its_age() -> None:
    """In its own ticks, under the name that the strategy gave it."""
    rig = watching()
    rig.move(MID - 30, MID + 30, symbol=SEEN)
    rig.advance(40 * MS)
    rig.move(MID - 9, MID + 11)

    (other,) = last_view(rig).others

    assert (other.symbol, other.instrument) == (SEEN, OTHER)
    assert (other.bid_ticks, other.ask_ticks, other.mid_half_ticks) == (MID - 30, MID + 30, 2 * MID)
    assert (other.age_ns, other.readings) == (40 * MS, ())
    assert (other.inventory_lots, other.inventory_max_lots) == (0, 0)


def test_a_session_that_watches_nothing_sees_nothing() -> None:
    """Its view has no others."""
    rig = Rig(make_session(Scripted()))
    rig.activate()

    assert last_view(rig).others == ()


def test_a_market_without_a_book_shows_no_price() -> None:
    """The session begins all the same: what it makes of that is the strategy's business."""
    rig = watching(show=False)

    (other,) = last_view(rig).others

    assert other.mid_half_ticks == 0
    assert other.age_ns > START_NS / 2
    assert rig.session().state == "active"


def test_a_name_that_nothing_is_known_of_looks_like_a_dead_source() -> None:
    """A start refuses it; where a strategy is only tried out, nothing breaks and nothing is asked for it."""
    rig = Rig(make_session(watcher("no:XXX/BBB")))
    rig.activate()
    rig.advance(20 * SECOND_NS)

    assert last_view(rig).others[0].mid_half_ticks == 0
    assert {command.symbol for command in of(rig.sent, SyncBook)} == {OWN}
    assert {command.venue for command in of(rig.sent, Connect)} == {""}


def test_a_market_may_stand_in_for_one_that_is_not_there() -> None:
    """Where a strategy is only tried out: it sees the traded one under that name."""
    rig = Rig(make_session(watcher("no:XXX/BBB")), stand_ins=(("no:XXX/BBB", OWN),))
    rig.activate()
    rig.move(MID - 10, MID + 14)

    (other,) = last_view(rig).others
    assert (other.symbol, other.mid_half_ticks) == ("no:XXX/BBB", 2 * MID + 4)
    assert {command.symbol for command in of(rig.sent, SyncBook)} == {OWN}


def test_only_the_book_of_a_watched_market_is_asked_for() -> None:
    """No listing, no order; balances are the account's."""
    rig = watching()
    rig.keep_alive(70 * SECOND_NS)
    rig.feed(
        PublicTrade, symbol=SEEN, trade_id=1, price_ticks=MID, size_atoms=5, aggressor=Side.BUY, venue_ms=0
    )

    assert SEEN in {command.symbol for command in of(rig.sent, SyncBook)}
    asked = [one.symbol for one in rig.sent if isinstance(one, ListOrders | ListFills | Place | Cancel)]
    assert set(asked) == {OWN}
    assert [one.symbol for one in estate_of(rig.engine.state).symbols] == [OWN]


def test_signals_of_a_watch_are_fed_by_that_market() -> None:
    """Its mids and its trades, not those of the own one."""
    rig = watching(watcher(SEEN, needs=(TallySpec(),)))
    rig.move(MID - 30, MID + 32, symbol=SEEN)

    assert [reading.value for reading in last_view(rig).others[0].readings] == [2.0]
    assert last_view(rig).readings == ()


def test_a_move_of_a_watched_mid_makes_a_decision_due() -> None:
    """By as much of its price as the own mid has to move of its own; less does not."""
    rig = watching()
    rig.move(MID - 10, MID + 10)
    before = decisions(rig)

    rig.move(MID - 10, MID + 11, symbol=SEEN)
    assert decisions(rig) == before
    rig.move(MID - 10, MID + 12, symbol=SEEN)
    assert decisions(rig) == before + 1


def test_the_threshold_is_a_share_of_the_price_of_each_market() -> None:
    """A market at twice the price moves twice as far for one decision."""
    rig = watching()
    rig.move(2 * MID - 10, 2 * MID + 10, symbol=SEEN)
    before = decisions(rig)

    rig.move(2 * MID - 10, 2 * MID + 13, symbol=SEEN)
    assert decisions(rig) == before
    rig.move(2 * MID - 10, 2 * MID + 14, symbol=SEEN)
    assert decisions(rig) == before + 1


def test_no_threshold_means_no_decision_for_a_move() -> None:
    """What wakes for time alone is not woken by others either; a book that goes or comes wakes it."""
    rig = watching(watcher(SEEN, wake=Wake(move_half_ticks=0, every_ns=60 * SECOND_NS)))
    before = decisions(rig)
    rig.move(MID - 900, MID + 10, symbol=SEEN)
    assert decisions(rig) == before

    rig.move(0, MID + 10, symbol=SEEN)
    assert decisions(rig) == before + 1
    assert last_view(rig).others[0].mid_half_ticks == 0
    rig.move(MID - 10, MID + 10, symbol=SEEN)
    assert decisions(rig) == before + 2


def test_a_watched_book_that_falls_silent_makes_a_decision_due() -> None:
    """When it becomes stale, and again when it is heard of."""
    rig = watching()
    before = decisions(rig)
    for _ in range(5):
        rig.advance(SECOND_NS // 2)
        rig.touch_book()
    assert decisions(rig) == before + 1
    assert last_view(rig).others[0].age_ns > 2 * SECOND_NS

    rig.touch_book(symbol=SEEN)
    assert decisions(rig) == before + 2
    assert last_view(rig).others[0].age_ns == 0


def test_sessions_that_watch_nothing_are_not_woken() -> None:
    """A move of a market that another session watches is none of theirs."""
    rig = Rig(
        make_session(watcher(SEEN)),
        make_session(Scripted(wake=Wake(every_ns=0)), name="deaf"),
        watched=(OTHER,),
    )
    rig.activate()
    rig.snapshot(symbol=SEEN)
    before = decisions(rig), decisions(rig, "deaf")

    rig.move(MID - 500, MID + 10, symbol=SEEN)

    assert (decisions(rig), decisions(rig, "deaf")) == (before[0] + 1, before[1])


def both_ways(wake: Wake | None = None) -> Rig:
    """Return a bench with a session on each of two markets, each of which watches the other."""
    rig = Rig(
        make_session(watcher(SEEN, wake=wake)),
        make_session(watcher(OWN, wake=wake), name="second", instrument=OTHER, band_lots_max=700),
    )
    rig.activate()
    rig.place_all()
    return rig


def test_a_market_that_is_traded_shows_the_inventory_of_its_sessions() -> None:
    """And their limit; a fill there makes a decision due here."""
    rig = both_ways()
    (place,) = [place for place in rig.places() if place.symbol == SEEN]
    before = decisions(rig)

    rig.fill(place, 4, 1)

    assert decisions(rig) == before + 1
    (other,) = last_view(rig).others
    assert (other.inventory_lots, other.inventory_max_lots) == (4, 700)
    assert rig.engine.state.watched == {}


def test_who_does_not_wake_for_own_fills_does_not_for_those_of_others() -> None:
    """One switch for both."""
    rig = both_ways(Wake(move_half_ticks=2, every_ns=60 * SECOND_NS, on_own_fill=False))
    (place,) = [place for place in rig.places() if place.symbol == SEEN]
    before = decisions(rig)

    rig.fill(place, 4, 1)

    assert decisions(rig) == before


def test_the_worth_of_the_account_does_not_count_what_is_only_watched() -> None:
    """A holding of an asset that no session trades is not risked here."""
    alone, seeing = Rig(make_session(Scripted())), watching()
    alone.activate()

    assert alone.engine.state.equity_start_atoms == seeing.engine.state.equity_start_atoms > 0


# ---- changes of the config, copies, repetition


def test_a_new_watch_of_a_market_that_is_there_is_seen_at_once() -> None:
    """Signals of it begin then."""
    rig = watching()
    change(rig, make_session(watcher(SEEN, OWN, needs=(TallySpec(),))))

    assert [other.symbol for other in last_view(rig).others] == [SEEN, OWN]
    rig.move(MID - 30, MID + 32, symbol=SEEN)
    assert last_view(rig).others[0].readings[0].ready


def test_a_watch_that_goes_is_kept_no_longer() -> None:
    """Its signals are forgotten, its book is not asked for; one that comes again is fetched then."""
    rig = watching(watcher(SEEN, needs=(TallySpec(),)))
    change(rig, make_session(watcher()))
    assert last_view(rig).others == ()
    assert rig.engine.state.books[SEEN].signals == []
    rig.sent.clear()
    rig.keep_alive(20 * SECOND_NS)
    assert [one for one in of(rig.sent, SyncBook) if one.symbol == SEEN] == []

    change(rig, make_session(watcher(SEEN)), revision=2)
    rig.keep_alive(SECOND_NS)
    assert SEEN in {one.symbol for one in of(rig.sent, SyncBook)}


def test_signals_of_watches_survive_a_change_of_something_else() -> None:
    """They go on with all they know."""
    rig = watching(watcher(SEEN, needs=(TallySpec(),)))
    rig.move(MID - 30, MID + 32, symbol=SEEN)
    change(rig, make_session(watcher(SEEN, needs=(TallySpec(),)), band_lots_max=900))

    assert last_view(rig).others[0].readings[0].value == 2.0


def test_a_plan_and_an_explanation_leave_watched_markets_alone() -> None:
    """They are tried on a copy: books, signals and decisions are as they were."""
    rig = watching(watcher(SEEN, needs=(TallySpec(),)))
    before = rig.engine.digest()
    foreseen(rig, make_session(watcher(SEEN)))
    made = explain(rig.engine.state, rig.session())

    assert rig.engine.digest() == before
    (gate,) = [gate for gate in made.gates if gate.name == "strategy" and gate.side is None]
    assert dict(gate.facts)[f"market {SEEN}"] == "bid 99.9 ask 100.1, 0 ms old, position none"


def test_an_explanation_tells_a_market_without_a_price_and_what_a_traded_one_holds() -> None:
    """As the strategy saw it."""
    rig = both_ways()
    (place,) = [place for place in rig.places() if place.symbol == SEEN]
    rig.fill(place, 4, 1)
    made = explain(rig.engine.state, rig.session())
    (gate,) = [gate for gate in made.gates if gate.name == "strategy" and gate.side is None]
    assert dict(gate.facts)[f"market {SEEN}"].endswith("position 0.004")

    rig.move(0, MID + 10, symbol=SEEN)
    made = explain(rig.engine.state, rig.session())
    (gate,) = [gate for gate in made.gates if gate.name == "strategy" and gate.side is None]
    assert dict(gate.facts)[f"market {SEEN}"] == "no price"


class Voter(Scripted):
    """Says more than its reason. Fields: fails: raises instead."""

    fails = False

    def votes(self, view: View[int]) -> tuple[tuple[str, str], ...]:
        """Return one pair."""
        if self.fails:
            raise ArithmeticError("no vote")
        return (("fair", str(len(view.others))),)


class Mute(Voter):
    """Breaks where it is asked for its votes."""

    fails = True


@pytest.mark.parametrize(
    ("strategy", "told"),
    [(Voter, ("vote fair", "1")), (Mute, ("vote failed", "ArithmeticError: no vote"))],
)
def test_what_a_strategy_says_of_its_votes_is_in_the_explanation(
    strategy: type[Voter], told: tuple[str, str]
) -> None:
    """One that breaks there breaks nothing else."""
    rig = watching(strategy(watches=(Watch(SEEN),)))
    made = explain(rig.engine.state, rig.session())
    (gate,) = [gate for gate in made.gates if gate.name == "strategy" and gate.side is None]

    assert told in gate.facts
    assert rig.session().state == "active"


def test_equal_histories_with_watched_markets_give_equal_digests_and_commands() -> None:
    """A repetition is the same to the last command, and a watched book that differs is another history."""
    first, second, other = abroad(), abroad(), abroad()
    for rig in (first, second):
        rig.move(MID - 30, MID + 10, symbol=AWAY.symbol)
    other.move(MID - 31, MID + 10, symbol=AWAY.symbol)

    assert first.sent == second.sent
    assert first.engine.digest() == second.engine.digest() != other.engine.digest()


def test_a_price_of_another_grid_is_told_in_half_ticks_of_the_own_one() -> None:
    """As if both quote assets were worth the same: 100.05 on a tick of 0.01 is 20 010 half ticks."""
    coarse = replace(OTHER, tick_atoms=OTHER.tick_atoms * 10)
    seen = Other(SEEN, coarse, 1_000, 1_001, 2_001, 0)
    fine = replace(OTHER, quote_scale=OTHER.quote_scale + 2, tick_atoms=OTHER.tick_atoms * 100)

    assert seen.mid_in(INSTRUMENT) == 20_010
    assert Other(SEEN, fine, 1, 2, 3, 0).mid_in(INSTRUMENT) == 3
