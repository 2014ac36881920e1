"""Which strategy a config means: a name, a file or a module, resolved to a class that can be started.

A reference is, in this order: the name of a file in `mm/strategies/`; `./file.py` or `./file.py:Class`,
relative to the config's folder; the name of an entry point in the group `mm.strategies`; `module:Class`, or a
dotted module with one strategy in it. The code behind a reference is the user's own and runs by being
imported; nothing is imported that the config does not name. Invariant: what is returned has the shape of a
strategy, or the error says what is missing.
"""

import dataclasses
import difflib
import hashlib
import importlib
import importlib.util
import pkgutil
import re
import sys
from importlib.abc import SourceLoader
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Final, Protocol, cast

import mm.strategies
from mm.domain.instrument import Instrument
from mm.errors import ConfigError
from mm.strategies.base import Strategy, Wake

ENTRY_POINT_GROUP: Final = "mm.strategies"
"""Group in which an installed package offers strategies: `my_name = "my_package.my_module:MyClass"`."""

FORMS: Final = "a strategy's name, ./file.py, ./file.py:Class or module:Class"
"""What a reference may look like, for messages."""

_FILE: Final = re.compile(r"(?P<path>.+\.py)(?::(?P<name>\w+))?")
_MODULE: Final = re.compile(r"(?P<module>[A-Za-z_][\w.]*)(?::(?P<name>\w+))?")


class _Constructor(Protocol):
    # What a strategy's class is to its caller.
    def __call__(self, params: object, instrument: Instrument) -> Strategy[object]: ...


@dataclasses.dataclass(frozen=True, slots=True)
class StrategyClass:
    """A strategy that was found and can be started.

    Fields:
        reference: as the config has it. kind: the class. params: its `Params`, a frozen dataclass.
    """

    reference: str
    kind: type[object]
    params: type[object]

    def start(self, params: object, instrument: Instrument) -> Strategy[object]:
        """Return the strategy for one instrument.

        Args: params: an instance of `self.params`.
        Raises: ConfigError if the parameters do not fit the instrument, or the class sets no needs or wake.
        """
        strategy = cast("_Constructor", self.kind)(params, instrument)
        if not isinstance(getattr(strategy, "wake", None), Wake) or not isinstance(
            getattr(strategy, "needs", None), tuple
        ):
            raise ConfigError(
                f"strategy {self.reference}: expected `wake` (a Wake) and `needs` (a tuple of signal specs)",
                hint="both may be set on the class: `needs = ()` and `wake = Wake()`",
            )
        return strategy


def builtin_strategies() -> tuple[str, ...]:
    """Return the names of the strategies that come with mm, sorted."""
    names = (member.name for member in pkgutil.iter_modules(mm.strategies.__path__))
    return tuple(sorted(name for name in names if name != "base"))


def strategy_class(reference: str, folder: Path) -> StrategyClass:
    """Return the strategy that `reference` names.

    Args: folder: of the config file; relative paths start there.
    Raises: ConfigError if there is none, or what is there cannot be imported or is no strategy.
    """
    if reference in builtin_strategies():
        return _checked(
            reference, _only_class(reference, importlib.import_module(f"mm.strategies.{reference}"))
        )
    file = _FILE.fullmatch(reference)
    if file is not None:
        module = _module_of_file(reference, folder / file["path"])
        return _checked(reference, _class(reference, module, file["name"]))
    offered = tuple(entry_points(group=ENTRY_POINT_GROUP, name=reference))
    if offered:
        return _checked(reference, _class_of_entry_point(reference, offered))
    dotted = _MODULE.fullmatch(reference)
    if dotted is None or not (dotted["name"] or "." in reference):
        raise _unknown(reference)
    return _checked(
        reference, _class(reference, _module_of_name(reference, dotted["module"]), dotted["name"])
    )


def code_digest(found: StrategyClass) -> str:
    """Return the SHA-256 of the file that a strategy was read from, "" for one that is installed."""
    loader = getattr(sys.modules.get(found.kind.__module__), "__loader__", None)
    return hashlib.sha256(loader.get_data("")).hexdigest() if isinstance(loader, _Source) else ""


def _unknown(reference: str) -> ConfigError:
    offered = (point.name for point in entry_points(group=ENTRY_POINT_GROUP))
    known = sorted({*builtin_strategies(), *offered})
    near = difflib.get_close_matches(reference, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known names: {', '.join(known)}"
    return ConfigError(f"strategy was {reference!r}, expected {FORMS}", hint=hint)


class _Source(SourceLoader):
    # Runs exactly the bytes that were read, and leaves no byte code behind that could outlive an edit.
    def __init__(self, path: Path, content: bytes) -> None:
        self._path, self._content = path, content

    def get_filename(self, fullname: str) -> str:  # noqa: ARG002 - the loader's protocol
        return str(self._path)

    def get_data(self, path: str | bytes) -> bytes:  # noqa: ARG002 - the loader's protocol
        return self._content


def _module_of_file(reference: str, path: Path) -> ModuleType:
    # A module's name follows from its place and its content: an unchanged file gives the same class again, so
    # that a reload of the config sees no change; an edited one gives a new class beside the running one.
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"strategy {reference}: {path} cannot be read: {error.strerror}",
            hint="paths are relative to the folder of the config file",
        ) from None
    digest = hashlib.sha256(str(path.resolve()).encode() + b"\0" + content).hexdigest()
    name = f"mm_strategy_{digest[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    loader = _Source(path, content)
    spec = importlib.util.spec_from_loader(name, loader, origin=str(path))
    assert spec is not None  # a spec is made of a loader that is there
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look up their module while it is being executed
    try:
        loader.exec_module(module)
    except Exception as error:
        # A user's file may raise anything.
        del sys.modules[name]
        raise _import_failed(reference, f"{path}:{_line_in(error, path)}", error) from error
    return module


def _line_in(error: Exception, path: Path) -> int:
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno or 0
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _import_failed(reference: str, place: str, error: Exception) -> ConfigError:
    return ConfigError(f"strategy {reference}: {place}: {type(error).__name__}: {error}")


def _module_of_name(reference: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # A module of the path itself is missing: a wrong reference. Anything else is missing inside of it.
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise ConfigError(
                f"strategy was {reference!r}, but there is no module {error.name}",
                hint="a module has to be installed beside mm; a file is named as ./file.py",
            ) from None
        raise _import_failed(reference, name, error) from error
    except Exception as error:
        # A user's module may raise anything.
        raise _import_failed(reference, name, error) from error


def _class_of_entry_point(reference: str, offered: tuple[EntryPoint, ...]) -> type[object]:
    if len(offered) > 1:
        values = ", ".join(sorted(point.value for point in offered))
        raise ConfigError(
            f"strategy {reference} is offered {len(offered)} times: {values}", hint="uninstall one"
        )
    point = offered[0]
    return _class(reference, _module_of_name(reference, point.module), point.attr or None)


def _class(reference: str, module: ModuleType, name: str | None) -> type[object]:
    if name is None:
        return _only_class(reference, module)
    found = getattr(module, name, None)
    if not isinstance(found, type):
        raise ConfigError(f"strategy {reference}: there is no class {name}")
    return found


def _only_class(reference: str, module: ModuleType) -> type[object]:
    # A strategy is known by its method `quotes`; what a module imports is not its own.
    found = [
        member
        for member in vars(module).values()
        if isinstance(member, type) and member.__module__ == module.__name__ and hasattr(member, "quotes")
    ]
    if len(found) != 1:
        names = ", ".join(member.__name__ for member in found) or "none"
        raise ConfigError(
            f"strategy {reference}: expected one class with a method `quotes`, found {len(found)}: {names}",
            hint=f"name it: {reference}:Class",
        )
    return found[0]


def _checked(reference: str, kind: type[object]) -> StrategyClass:
    for method in ("quotes", "initial_memory"):
        if not callable(getattr(kind, method, None)):
            raise ConfigError(f"strategy {reference}: {kind.__name__} has no method `{method}`")
    params = getattr(kind, "Params", None)
    settings = getattr(params, "__dataclass_params__", None)
    if not isinstance(params, type) or not getattr(settings, "frozen", False):
        raise ConfigError(
            f"strategy {reference}: {kind.__name__}.Params was {params!r}, expected a frozen dataclass",
            hint="put `@dataclass(frozen=True, kw_only=True) class Params:` into the class",
        )
    return StrategyClass(reference, kind, params)
