"""The table of a side and its list of near prices agree with a dictionary."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.kernel import layout as at
from mm.kernel import slots, whole
from mm.kernel.array_book import ALL, displayed
from mm.kernel.memory import Memory
from mm.kernel.venue_view import share_of


def side_of(memory: Memory) -> int:
    """Return where the bids of the only market stand."""
    return memory.blocks[0] + at.BID


def shorten_lists(patch: pytest.MonkeyPatch, near_max: int) -> None:
    """Let lists of near prices hold so few, in plain leaves."""
    for module in (at, slots, whole):
        patch.setattr(module, "NEAR_MAX", near_max)
        patch.setattr(module, "NEAR_MIN", near_max // 4)
    for module in (at, slots):
        patch.setattr(module, "NEAR_KEEP", near_max // 2)


@given(st.integers(0, 2**32), st.sampled_from((4, 6, 128)), st.sampled_from((1, 7, 1_000)))
def test_levels_of_both_views_are_those_of_dictionaries(seed: int, near_max: int, spread: int) -> None:
    """Sizes come and go in either view, the table is tidied and grows: its best is its greatest key."""
    random = Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        shorten_lists(patch, near_max)
        memory = Memory(1, levels_max=5_000, slots=16)
        side = side_of(memory)
        views: dict[int, dict[int, int]] = {at.BOOK: {}, at.VENUE: {}}
        middle = 500
        for _ in range(200):
            middle += random.randint(-spread, spread)
            price, size = middle + random.randint(-20, 20) * spread, random.choice((0, 0, 1, 5))
            memory.make_room(side, 1)
            slot = slots.slot_of(memory.cells, side, price)
            if random.random() < 0.7:
                slots.set_book(memory.cells, side, slot, price, size)
                views[at.BOOK][price] = size
            if random.random() < 0.7:
                memory.cells[side + at.VENUE_LEVELS] += bool(size) - bool(memory.cells[slot + at.VENUE])
                memory.cells[slot + at.VENUE] = size
                views[at.VENUE][price] = size
            if memory.cells[slot + at.BOOK] or memory.cells[slot + at.VENUE]:
                slots.list_if_near(memory.cells, side, slot, price)
            slots.settle(memory.cells, side)
            for view, held in views.items():
                best = max((key for key, held_size in held.items() if held_size), default=at.NOWHERE)
                assert slots.best_of(memory.cells, side, view) == best
                assert view == at.VENUE or memory.cells[side + at.BEST] == best
        for view, held in views.items():
            for price, size in held.items():
                slot = slots.find(memory.cells, side, price)
                assert (memory.cells[slot + view] if slot >= 0 else 0) == size


@given(st.integers(0, 2**32), st.sampled_from((4, 8, 128)), st.sampled_from((1, -1)))
def test_levels_are_listed_as_sorted_dictionaries_list_them(seed: int, near_max: int, sign: int) -> None:
    """So many, better than a price, of either view and side; also where the list of near prices is short."""
    random = Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        shorten_lists(patch, near_max)
        memory = Memory(1, levels_max=5_000, slots=256)
        side = memory.blocks[0] + (at.BID if sign > 0 else at.ASK)
        views: dict[int, dict[int, int]] = {at.BOOK: {}, at.VENUE: {}}
        for _ in range(random.randint(0, 80)):
            price, size = random.randint(1, 100), random.choice((0, 1, 5))
            slot = slots.slot_of(memory.cells, side, price)
            for view, held in views.items():
                if random.random() < 0.7:
                    levels = side + at.BOOK_LEVELS + view - at.BOOK
                    memory.cells[levels] += bool(size) - bool(held.get(price))
                    memory.cells[slot + view] = held[price] = size
            if memory.cells[slot + at.BOOK] or memory.cells[slot + at.VENUE]:
                slots.list_if_near(memory.cells, side, slot, sign * price)
            view, count = random.choice(list(views)), random.choice((1, 2, 7, ALL))
            worst = random.choice((at.NOWHERE, sign * random.randint(0, 100)))
            best_first = sorted(views[view].items(), reverse=sign > 0)
            wanted = [one for one in best_first if one[1] and sign * one[0] > worst]
            assert list(displayed(memory, side, view, levels=count, worst=worst)) == wanted[:count]


@given(st.sets(st.integers(-(2**40), 2**40), min_size=1, max_size=60), st.data())
def test_the_greatest_keys_are_found_without_sorting(keys: set[int], data: st.DataObject) -> None:
    """The one that is so many-th from the top, wherever it stood."""
    given_keys = data.draw(st.permutations(sorted(keys)))
    wanted = data.draw(st.integers(1, len(keys)))
    memory = Memory(1, levels_max=10, slots=64)
    begin = memory.cells[at.SPARE]
    for place, key in enumerate(given_keys):
        memory.cells[begin + place] = key
    assert slots.greatest(memory.cells, begin, len(keys), wanted) == sorted(keys)[-wanted]


@given(st.integers(1, 2**62 - 1), st.data())
def test_a_share_is_exact_where_the_product_does_not_fit(whole: int, data: st.DataObject) -> None:
    """Rounded up, as with integers without bounds."""
    part, other = (data.draw(st.integers(0, whole)) for _ in range(2))
    assert share_of(part, other, whole) == -(-part * other // whole)


def test_what_holds_nothing_any_more_is_left_out_when_the_table_is_tidied() -> None:
    """Gone levels give their slots back; what waits for its print keeps its own until it is forgotten."""
    memory = Memory(1, levels_max=10, slots=64)
    cells, side = memory.cells, side_of(memory)
    for price in range(20):
        slots.slot_of(cells, side, price)
    waits = slots.find(cells, side, 7)
    cells[at.SHOWN_FROM_NS] = cells[at.PRINTED_FROM_NS] = 10**12
    cells[waits + at.SHOWN], cells[waits + at.SHOWN_NS] = 5, 10**12
    slots.tidy(cells, side)
    assert (cells[side + at.USED], cells[slots.find(cells, side, 7) + at.SHOWN]) == (1, 5)
    cells[at.SHOWN_FROM_NS] = 10**13
    slots.tidy(cells, side)
    assert (cells[side + at.USED], slots.find(cells, side, 7)) == (0, -1)
