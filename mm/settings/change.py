"""What differs between two configs, when each difference takes effect, and which of them loosen a limit.

Pure: it reads no file and knows no daemon. Invariant: every limit of the models is in `LOOSER` (a test walks
them); what is not known to tighten counts as loosening.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel

from mm.errors import ConfigError
from mm.settings.catalogue import settings_keys
from mm.settings.contradictions import contradictions
from mm.settings.lines import KeyPath
from mm.settings.loader import leaves
from mm.settings.models import FileSettings, PairRiskSettings, Settings
from mm.strategies.base import About, Applies, described


class Looser(StrEnum):
    """Which way a limit gets looser."""

    LARGER = "larger"
    ANY = "any"


_ACCOUNT: Final = {
    "max_notional_quote": Looser.LARGER,
    "max_order_notional_quote": Looser.LARGER,
    "max_order_base": Looser.LARGER,
    "max_open_orders": Looser.LARGER,
    "session_loss_quote": Looser.LARGER,
    "open_loss_quote": Looser.LARGER,
    "max_drawdown_ratio": Looser.LARGER,
    "max_slippage_bps": Looser.LARGER,
    "max_orders_per_minute": Looser.LARGER,
    "max_fills_per_minute": Looser.LARGER,
    "max_filled_quote_per_minute": Looser.LARGER,
    "price_collar_bps": Looser.LARGER,
    "stale_book_ms": Looser.LARGER,
    "on_breach": Looser.ANY,
    "reference.window_ms": Looser.ANY,
}

LOOSER: Final[Mapping[str, Looser]] = MappingProxyType(
    {f"risk.{name}": way for name, way in _ACCOUNT.items()}
    | {f"pair.NAME.risk.{name}": _ACCOUNT[name] for name in PairRiskSettings.model_fields}
    | {
        "account.on_external": Looser.ANY,
        "pair.NAME.inventory.target_base": Looser.ANY,
        "pair.NAME.inventory.target_base_ratio": Looser.ANY,
        "pair.NAME.inventory.max_base": Looser.LARGER,
        "pair.NAME.inventory.max_ratio": Looser.LARGER,
        "pair.NAME.inventory.soft_ratio": Looser.LARGER,
    }
)
"""Every limit of the config, with NAME for a name of the user's. A limit that is off is the largest."""

NAMED: Final = ("venue", "pair")
"""Tables of tables with a name of the user's."""

_HOT: Final = MappingProxyType({key.name: Applies(key.hot) for key in settings_keys()})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference.

    Fields: key: dotted; a table that came or went is one change. old, new: values, None for off or absent.
    source: where the new value stands. applies: when it takes effect. loosens: a limit gets looser.
    """

    key: str
    old: object
    new: object
    source: str
    applies: Applies
    loosens: bool


def changes(old: Settings, new: Settings) -> tuple[Change, ...]:
    """Return what is different in `new`, in the order of the models."""
    found = [_table_change(kind, name, old, new) for kind in NAMED for name in _came_or_went(kind, old, new)]
    found += [_code_change(name, new) for name in new.pair if _has_new_code(name, old, new)]
    before, after = dict(leaves(old)), dict(leaves(new))
    covered = {change.key for change in found if change.key.count(".") == 1}
    for path in dict.fromkeys((*before, *after)):
        values = before.get(path), after.get(path)
        if ".".join(path[:2]) not in covered and values[0] != values[1]:
            found.append(_key_change(path, old, new, values))
    return tuple(found)


def _came_or_went(kind: str, old: Settings, new: Settings) -> list[str]:
    before, after = getattr(old, kind), getattr(new, kind)
    return [name for name in dict.fromkeys((*before, *after)) if (name in before) != (name in after)]


def _table_change(kind: str, name: str, old: Settings, new: Settings) -> Change:
    came = name in getattr(new, kind)
    sources = (new if came else old).sources
    key = f"{kind}.{name}"
    source = next((sources[known] for known in sources if known.startswith(f"{key}.")), "")
    return Change(
        key=key,
        old=None if came else "there",
        new="there" if came else None,
        source=source if came else f"{new.path}",
        applies=Applies.RESTART,
        loosens=False,
    )


def _has_new_code(name: str, old: Settings, new: Settings) -> bool:
    # The same reference, but what is behind it was edited since.
    known = old.pair.get(name)
    if known is None or known.strategy != new.pair[name].strategy:
        return False
    return type(known.params) is not type(new.pair[name].params)


def _code_change(name: str, new: Settings) -> Change:
    key, reference = f"pair.{name}.strategy", new.pair[name].strategy
    return Change(
        key=key,
        old=reference,
        new=f"{reference} (its code was edited)",
        source=new.sources.get(key, "default"),
        applies=Applies.RESTART,
        loosens=False,
    )


def _key_change(path: KeyPath, old: Settings, new: Settings, values: tuple[object, object]) -> Change:
    key = ".".join(path)
    return Change(
        key=key,
        old=values[0],
        new=values[1],
        source=new.sources.get(key, "default"),
        applies=applies_of(path, old, new),
        loosens=_loosens(path, old, new, values),
    )


def applies_of(path: KeyPath, old: Settings, new: Settings) -> Applies:
    """Return when a change of the key at `path` from `old` to `new` takes effect."""
    if path[0] == "pair" and path[2:3] == ("params",):
        before, after = type(old.pair[path[1]].params), type(new.pair[path[1]].params)
        if before is not after:
            return Applies.RESTART
        return described(after).get(path[3], About("")).applies if path[3:] else Applies.NEXT_QUOTE
    return _HOT.get(_pattern(path), Applies.RESTART)


def _pattern(path: KeyPath) -> str:
    return ".".join((path[0], "NAME", *path[2:]) if path[0] in NAMED else path)


def _loosens(path: KeyPath, old: Settings, new: Settings, values: tuple[object, object]) -> bool:
    way = LOOSER.get(_pattern(path))
    if way is None:
        return False
    before, after = values
    if path[0] == "pair" and path[2] == "risk":
        # What counts is what holds for the session: a limit of its own that goes gives way to the account's.
        before, after = getattr(old.risk_of(path[1]), path[3]), getattr(new.risk_of(path[1]), path[3])
    return way is Looser.ANY or _is_larger(after, before)


def _is_larger(after: object, before: object) -> bool:
    if after is None or before is None:
        return before is not None
    assert isinstance(after, int | Decimal)
    assert isinstance(before, int | Decimal)
    return after > before


def to_confirm(found: Sequence[Change], accepted: Settings) -> tuple[Change, ...]:
    """Return the changes that need a confirmation: they loosen, and were not accepted before.

    Args: accepted: the newest config that was taken, of which some may still wait for a restart.
    """
    known = {".".join(path): value for path, value in leaves(accepted)}
    return tuple(c for c in found if c.loosens and (c.key not in known or known[c.key] != c.new))


def in_force(running: Settings, new: Settings, found: Sequence[Change]) -> Settings:
    """Return what holds once `new` is applied: what takes a restart stays as in `running`.

    Raises: ConfigError if what is left does not go together.
    """
    held = tuple(change.key for change in found if change.applies is Applies.RESTART)
    fields = {
        name: _merged(getattr(running, name), getattr(new, name), (name,), held)
        for name in FileSettings.model_fields
    }
    merged = new.model_copy(update=fields)
    sources = {
        ".".join(path): (running if _is_held(path, held) else new).sources.get(".".join(path), "default")
        for path, _ in leaves(merged)
    }
    merged = merged.model_copy(update={"sources": MappingProxyType(sources)})
    problems = contradictions(merged, stated=lambda path: sources.get(".".join(path), "default") != "default")
    if problems and held:
        first, key = problems[0], ".".join(problems[0].path)
        waiting = ", ".join(held)
        raise ConfigError(
            f"{sources.get(key, new.path)}: {key}: {first.message}, while {waiting} waits for a restart",
            hint="restart, or change only what applies while it runs",
        )
    return merged


def _is_held(path: KeyPath, held: tuple[str, ...]) -> bool:
    return any(".".join(path[:depth]) in held for depth in range(1, len(path) + 1))


def _merged(old: object, new: object, path: KeyPath, held: tuple[str, ...]) -> object:
    if ".".join(path) in held or type(old) is not type(new):
        # Parameters of another class wait with the strategy that they are for. A value may be off and on.
        return old if _is_held(path, held) or path[2:] == ("params",) else new
    if isinstance(old, BaseModel):
        names = type(old).model_fields
        fields = {
            name: _merged(getattr(old, name), getattr(new, name), (*path, name), held) for name in names
        }
        return old.model_copy(update=fields)
    if isinstance(old, dict) and isinstance(new, dict):
        return {
            name: _merged(value, new[name], (*path, name), held) if name in new else value
            for name, value in old.items()
        }
    if dataclasses.is_dataclass(old) and not isinstance(old, type):
        return _merged_params(old, new, path, held)
    return new


def _merged_params(old: object, new: object, path: KeyPath, held: tuple[str, ...]) -> object:
    stays = dict(_held_fields(old, path, held))
    if not stays:
        return new
    try:
        return dataclasses.replace(new, **stays)  # type: ignore[type-var]  # the caller saw a dataclass
    except ValueError as error:
        raise ConfigError(
            f"{'.'.join(path)}: {error}, while {', '.join(stays)} waits for a restart",
            hint="restart, or change only what applies while it runs",
        ) from None


def _held_fields(old: object, path: KeyPath, held: tuple[str, ...]) -> Iterator[tuple[str, object]]:
    for field in dataclasses.fields(old):  # type: ignore[arg-type]  # the caller saw a dataclass
        if field.init and ".".join((*path, field.name)) in held:
            yield field.name, getattr(old, field.name)
