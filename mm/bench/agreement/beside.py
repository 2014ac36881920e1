"""Our fills beside hftbacktest's: the same orders in the same small markets, and what each says of them.

Ours come from the paper venue, as in a backtest. Must never call a difference agreement: an outcome is the
same if the order ended the same way at the same nanosecond. Nothing of the other is imported here.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from mm.bench.agreement.defects import Defect, defects
from mm.bench.agreement.order_scenarios import order_scenarios
from mm.bench.agreement.orders import Ended, ours
from mm.bench.agreement.scenarios import LATENCY_NS, Scenario, scenarios
from mm.bench.replay_peers import FAILURES, HFTBACKTEST, told_by, unavailable
from mm.bench.replay_rig import bench_instrument

SCRIPT: Final = "hftbacktest_orders.py"
COUNT: Final = 400
ORDERS_COUNT: Final = 200
"""Generated scenarios of levels, and of single orders."""

SHOWN_MAX: Final = 5
"""Differences that are told one by one."""


def agreement(theirs: Sequence[object], *, count: int = COUNT, seed: int = 1) -> dict[str, object]:
    """Return how far fills agree: how many orders, how they ended and what filled them, which ended otherwise
    there, and what is known to be wrong there; the same of markets of single orders, under `single_orders`.

    Args: theirs: what `jobs` gave there, one answer each: `orders`, as of `Ended`, or `error`.
    Raises: ValueError if that is not what they are.
    """
    wrong, single = list(_with_both_exchanges()), list(order_scenarios(ORDERS_COUNT, seed))
    begins = count, count + len(wrong)
    if len(theirs) != begins[1] + len(single):
        raise ValueError(f"{len(theirs)} answers to {begins[1] + len(single)} scenarios")
    told = dict(
        zip([(defect.name, partial) for defect, partial in wrong], theirs[slice(*begins)], strict=True)
    )
    return {
        **_compared(list(scenarios(count, seed)), theirs[:count]),
        "defects": {defect.name: _defect_told(defect, told) for defect in defects()},
        "single_orders": _compared(single, theirs[begins[1] :]),
    }


def _compared(asked: Sequence[Scenario], theirs: Sequence[object]) -> dict[str, object]:
    states, causes = Counter[str](), Counter[str]()
    unlike: list[dict[str, object]] = []
    for number, (scenario, answer) in enumerate(zip(asked, theirs, strict=True)):
        played = ours(scenario)
        (mine,) = played.orders
        states[mine.state] += 1
        causes += played.causes
        other = _orders_of(answer)
        if other != [mine]:
            there = [asdict(one) for one in other] or answer
            unlike.append({"scenario": number, "queue": scenario.queue, "ours": asdict(mine), "there": there})
    return {
        "scenarios": len(asked),
        "same": len(asked) - len(unlike),
        "ended": dict(states),
        "filled_by": dict(causes),
        "differences": unlike[:SHOWN_MAX],
    }


def jobs(*, count: int = COUNT, seed: int = 1) -> list[dict[str, object]]:
    """Return what another simulator is to play: generated scenarios, then each known defect with an exchange
    that fills orders whole and with one that fills them in parts, then those of single orders; JSON-ready.
    """
    wrong = [replace(defect.scenario, partial=partial) for defect, partial in _with_both_exchanges()]
    asked = (*scenarios(count, seed), *wrong, *order_scenarios(ORDERS_COUNT, seed))
    return [asdict(one) for one in asked]


def beside_hftbacktest(
    *, say: Callable[[str], object], directory: Path | None = None
) -> Mapping[str, object]:
    """Return `agreement` with what hftbacktest gives now, or the reason as `unavailable` or `broke`.

    Args: say: is told what is being done. directory: of the environments, the user's cache if None.
    """
    say(f"{HFTBACKTEST.name}: {COUNT + ORDERS_COUNT} orders in small markets")
    instrument = bench_instrument()
    job = {
        "tick": float(instrument.price_text(1)),
        "lot": float(instrument.size_text(1)),
        "latency_ns": LATENCY_NS,
        "scenarios": jobs(),
    }
    with tempfile.TemporaryDirectory(prefix="mm-bench-") as folder:
        asked = Path(folder) / "job.json"
        asked.write_text(json.dumps(job))
        try:
            told = told_by(HFTBACKTEST, SCRIPT, asked, directory=directory)
            answers = told.get("answers")
            return agreement(answers if isinstance(answers, list) else [])
        except FAILURES as error:
            say(f"{HFTBACKTEST.name}: {error}")
            return unavailable(error)


def _with_both_exchanges() -> Iterator[tuple[Defect, bool]]:
    for defect in defects():
        for partial in (False, True):
            yield defect, partial


def _defect_told(defect: Defect, told: Mapping[tuple[str, bool], object]) -> dict[str, object]:
    found: dict[str, object] = {
        "right_lots": defect.right_lots,
        "ours_lots": sum(one.lots for one in ours(defect.scenario).orders),
    }
    for partial, name in ((False, "there_whole_fills"), (True, "there_partial_fills")):
        answer = told[defect.name, partial]
        found[name] = answer.get("error") or answer.get("position_lots") if isinstance(answer, dict) else None
    return found


def _orders_of(answer: object) -> list[Ended]:
    rows = answer.get("orders", []) if isinstance(answer, dict) else []
    return [Ended(state=str(row[0]), filled_ns=int(row[1]), lots=int(row[2])) for row in rows]
