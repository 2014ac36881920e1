"""The judge of crashes refuses what was planted into a real deployment's past: its zeros mean something."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Final

import pytest

from tests.builders.crash_case import settled_books
from tests.builders.crash_judge import Books, faults_of, judged
from tests.builders.crash_nursery import nursery
from tests.builders.crash_room import Room, room
from tests.builders.crash_scenarios import BUSY, filled
from tests.builders.crash_truth import Written

Past = tuple[Room, Written, Books]
Planted = Callable[[Room, Written, Books], object]


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """One deployment that was filled a few times and stopped in good order."""
    folder = tmp_path_factory.mktemp("judge")
    with nursery(folder / "lives") as lives, room(lives, folder / "room", style=BUSY) as place:
        life = place.start()
        filled(place, life)
        books = settled_books(place, life)
        assert not judged(place, books).faults
        yield place, Written(place.data_dir), books


def forget_fill(room: Room, written: Written, books: Books) -> None:
    """A fill that happened is in no journal."""
    del written.fills[next(iter(room.gathered.trades))]


def invent_fill(room: Room, written: Written, books: Books) -> None:
    """A fill is in a journal and never happened."""
    written.fills[10**9] = 1


def forget_account(room: Room, written: Written, books: Books) -> None:
    """A life closed its account without a fill of its own."""
    room.forgotten.add(next(iter(room.gathered.trades)))


def leave_order(room: Room, written: Written, books: Books) -> None:
    """An order is open after the stop."""
    room.gathered.last["open_orders"].append(next(iter(room.gathered.orders.values())))


def place_twice(room: Room, written: Written, books: Books) -> None:
    """One client id was accepted twice."""
    room.gathered.orders[-1] = next(iter(room.gathered.orders.values()))


def forget_intent(room: Room, written: Written, books: Books) -> None:
    """The venue was asked for an order that nobody wrote down."""
    del written.intents[next(iter(written.intents))]


def write_late(room: Room, written: Written, books: Books) -> None:
    """An intent was written down after the order was sent."""
    written.intents[next(iter(written.intents))] += 10**9


def write_twice(room: Room, written: Written, books: Books) -> None:
    """An intent was written down twice."""
    written.twice.append("cid")


def crowd(room: Room, written: Written, books: Books) -> None:
    """Several orders of one level were open at once."""
    order = next(o for o in room.gathered.orders.values() if o["history"][0]["status"] == "NEW")
    for number in range(1, 4):
        twin = copy.deepcopy(order) | {"order_id": -number, "client_id": order["client_id"][:-1] + "x"}
        room.gathered.orders[-number] = twin


def trade_with_itself(room: Room, written: Written, books: Books) -> None:
    """The tape shows the account on both sides."""
    trade = next(iter(room.gathered.trades.values()))
    trade["maker_owner"] = trade["taker_owner"] = room.gathered.last["client"]


def prevent(room: Room, written: Written, books: Books) -> None:
    """The venue had to prevent a trade with ourselves."""
    room.gathered.prevented.append({})


def exceed(room: Room, written: Written, books: Books) -> None:
    """An order was larger than the limit."""
    next(iter(room.gathered.orders.values()))["size_lots"] = 100_000


def misstate_position(room: Room, written: Written, books: Books) -> None:
    """The bot's inventory is not what the tape moved."""
    books.inventory_base += Decimal("0.00001")


def misstate_fills(room: Room, written: Written, books: Books) -> None:
    """The bot counted a fill twice."""
    books.row["fills"] += 1


def misstate_bought(room: Room, written: Written, books: Books) -> None:
    """The bot bought less than the tape says."""
    books.row["bought_base"] = "7"


def halt_before(room: Room, written: Written, books: Books) -> None:
    """Trading was latched off before the first order, and nobody lifted it."""
    written.halts.append((written.lives[0], "a drill"))


def go_blind(room: Room, written: Written, books: Books) -> None:
    """An order was decided on a book that was gone."""
    written.decided[0] = replace(written.decided[0], seqs=None, lost=True)


def ignore_the_ban(room: Room, written: Written, books: Books) -> None:
    """The venue banned us at our first order, and we went on."""
    room.gathered.placements()[0]["status"] = 418


def pay_too_much(room: Room, written: Written, books: Books) -> None:
    """An order was priced far from the market."""
    room.gathered.placements()[-1]["params"]["price"] = "70000.00"


def share_a_number(room: Room, written: Written, books: Books) -> None:
    """Two lives had the same number."""
    written.epochs *= 2


def leave_residual(room: Room, written: Written, books: Books) -> None:
    """A part of the P&L is not explained."""
    books.row["residual"] = 1


PLANTED: Final = (
    (forget_fill, "lost fill"),
    (invent_fill, "invented fill"),
    (forget_account, "forgotten fill"),
    (leave_order, "orphans"),
    (place_twice, "double order"),
    (forget_intent, "no intent"),
    (write_late, "late intent"),
    (write_twice, "double intent"),
    (crowd, "orders open at once"),
    (trade_with_itself, "self-trades"),
    (prevent, "had to prevent"),
    (exceed, "limits did not hold"),
    (misstate_position, "position"),
    (misstate_fills, "fills: the bot says"),
    (misstate_bought, "bought_base"),
    (leave_residual, "residual"),
    (halt_before, "I7: "),
    (go_blind, "I8: "),
    (ignore_the_ban, "I9: "),
    (share_a_number, "I18: "),
    (pay_too_much, "I19: "),
)


@pytest.mark.parametrize(("plant", "said"), PLANTED)
def test_what_was_planted_is_found(past: Past, plant: Planted, said: str) -> None:
    """Each lie by its name, and a past without one has none."""
    place, written, books = past
    gathered = place.gathered
    assert not faults_of(place, written, books)
    place.gathered = copy.deepcopy(gathered)
    try:
        doctored, told = copy.deepcopy(written), copy.deepcopy(books)
        plant(place, doctored, told)
        assert any(said in fault for fault in faults_of(place, doctored, told))
    finally:
        place.gathered = gathered
        place.forgotten.clear()
