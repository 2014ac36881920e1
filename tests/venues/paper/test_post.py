"""Tests of mm/venues/paper/post.py: what is under way comes at its time, the user stream in order."""

from mm.domain.commands import ListBalances
from mm.domain.events import AnyEvent, OrderNotFound
from mm.venues.paper.post import Post, Sent


def event(name: str, ts_ns: int = 0) -> AnyEvent:
    """Return an event that is told apart by its cid."""
    return OrderNotFound(ts_ns=ts_ns, cid=name)


def due(post: Post, ts_ns: int) -> list[str]:
    """Return what comes by a time: "cid@ts" of events, "effect@ts" of requests."""
    found = []
    while (popped := post.pop_due(ts_ns)) is not None:
        sent, events = popped
        if sent is not None:
            found.append(f"effect@{sent.effect_ns}")
        found.extend(f"{one.cid}@{one.ts_ns}" for one in events if isinstance(one, OrderNotFound))
    return found


def sent(effect_ns: int) -> Sent:
    """Return a request that takes effect then."""
    return Sent(ListBalances(), 0, effect_ns, effect_ns + 5)


def test_nothing_under_way_is_never_due() -> None:
    """Neither now nor later."""
    post = Post()
    assert post.next_due_ns is None
    assert post.pop_due(10**18) is None
    assert post.hurry(7) == []


def test_things_come_at_their_time_and_ties_in_the_order_in_which_they_were_put_in() -> None:
    """Effects, answers and reports alike."""
    post = Post()
    post.answer([event("answer", 20)], 20)
    post.report([event("first"), event("second")], 20)
    post.send(sent(20))
    post.send(sent(10))
    assert post.next_due_ns == 10
    assert due(post, 9) == []
    assert due(post, 20) == ["effect@10", "answer@20", "first@20", "second@20", "effect@20"]
    assert post.next_due_ns is None


def test_a_report_never_comes_before_an_earlier_one() -> None:
    """It bears the time at which it comes."""
    post = Post()
    post.report([event("first")], 30)
    post.report([event("second", 12)], 12)
    assert post.next_due_ns == 30
    assert due(post, 30) == ["first@30", "second@30"]


def test_what_is_told_now_brings_along_what_was_not_told_yet() -> None:
    """Answers are no part of the stream and stay."""
    post = Post()
    post.report([event("ack", 30)], 30)
    post.answer([event("answer", 30)], 30)
    assert [one.ts_ns for one in post.hurry(15)] == [15]
    assert due(post, 30) == ["answer@30"]


def test_reports_of_a_connection_that_was_given_up_are_gone() -> None:
    """Nobody will ever tell them."""
    post = Post()
    post.report([event("ack", 30)], 30)
    post.drop_reports()
    assert post.next_due_ns is None
