"""The loop of the kernel, compiled by Numba where it can be had, and as it stands where not.

Every leaf is compiled as it is: its names are bound to the compiled ones of the others, and nothing else is
changed. The result is cached beside the source under a name that contains a digest of all the sources, since
Numba itself looks at one file only. Numba is imported when the loop is first asked for. Invariant: both ways
give equal arrays.
"""

import fcntl
import hashlib
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Final, Protocol, cast

from mm.kernel import entries, layout, loop, messages, slots, venue_view, whole
from mm.sim import queue

PACKAGE: Final = Path(__file__).parents[1]
"""The folder of `mm`."""

LEAVES: Final = (queue, slots, venue_view, messages, loop, whole, entries)
"""The modules whose functions are compiled."""

ENTRIES: Final = {
    "run": 3,
    "make_room": 2,
    "best_key": 2,
    "list_levels": 4,
    "apply_top": 7,
    "settle_book": 3,
    "move_in": 3,
    "display_book": 2,
    "display_venue": 2,
}
"""Those that are called from outside, through `entries`, and with how many integers after the arrays."""

ENTER: Final = "enter_"
"""What stands before the name of one in `entries`."""

ADDRESS: Final = "by_address"
"""The leaf of `entries` that is not compiled as it stands."""

LAST: Final = "display_venue"
"""The one that is compiled last: where it is cached, all are."""

COLUMNS: Final = 9
"""Arrays that `run` takes before that of the kernel, which all take."""

COMPILING: Final = "compiling the kernel, once for this machine (some 10 s)"
"""What is said when nothing is in the cache."""


class Run(Protocol):
    """An entry, plain or compiled."""

    def __call__(self, *arguments: object) -> int:
        """Run it; what it returns says the leaf."""


class _Dispatcher(Run, Protocol):
    # What is used of a compiled function; Numba has no types.
    def compile(self, signature: object) -> object: ...


class _Settings(Protocol):
    DISABLE_JIT: int


class _Numba(Protocol):
    config: _Settings

    def njit(self, **options: bool | str) -> Callable[[FunctionType], _Dispatcher]: ...

    def typeof(self, value: object) -> object: ...


class _ArrayType(Protocol):
    dtype: object
    ndim: int
    layout: str


class _Extending(Protocol):
    def intrinsic(self, made: Callable[[object, _ArrayType], object], /) -> object: ...


class _Signature(Protocol):
    args: Sequence[object]


class _ArrayValue(Protocol):
    data: object


class _Context(Protocol):
    def make_array(self, kind: object, /) -> Callable[[object, object, object], _ArrayValue]: ...


class _Types(Protocol):
    def CPointer(self, dtype: object, /) -> Callable[[object], object]: ...  # noqa: N802 - Numba calls it so


class _Array(Protocol):
    def view(self, dtype: object) -> object: ...


class _Numpy(Protocol):
    int64: object

    def frombuffer(self, buffer: object, *, dtype: object) -> object: ...

    def ascontiguousarray(self, column: object, *, dtype: object) -> "_Array": ...


class Compiled:
    """What is compiled. Fields: entries: by name; each takes what its leaf takes, arrays as `view`s."""

    def __init__(self, numba: _Numba, numpy: _Numpy, say: Callable[[str], object] | None) -> None:
        """Compile it, or find it in the cache. Args: say: is told before what takes long."""
        self._numpy = numpy
        address = cast("_Dispatcher", _by_address())
        made = bound(
            as_written(),
            lambda leaf: address if leaf.__name__ == ADDRESS else numba.njit(**_options(leaf.__name__))(leaf),
        )
        integers, integer = numba.typeof(self.view(bytearray(8))), numba.typeof(2**40)
        with _one_at_a_time(made[LAST]):
            if say is not None and not _is_cached(made[LAST]):
                say(COMPILING)
            for name, count in ENTRIES.items():
                arrays = COLUMNS + 1 if name == "run" else 1
                made[name].compile((integers,) * arrays + (integer,) * count)
        self.entries: Mapping[str, Run] = {name: made[name] for name in ENTRIES}

    def view(self, buffer: object) -> object:
        """Return what compiled code reads and writes the integers of a buffer as."""
        return self._numpy.frombuffer(buffer, dtype=self._numpy.int64)

    def column(self, column: object) -> object:
        """Return a column of a chunk as compiled code reads it: as it is, or a copy where it has to be."""
        # Of the types that hold 64 bits it is told the one that the loop was compiled for: any other one is
        # looked up anew at each call.
        return self._numpy.ascontiguousarray(column, dtype=self._numpy.int64).view(self._numpy.int64)


# What stands in compiled code for `entries.by_address`: the data of an array as a pointer.
def _by_address() -> object:
    extending = cast("_Extending", importlib.import_module("numba.extending"))
    types = cast("_Types", importlib.import_module("numba.core.types"))

    def by_address(context: object, array: _ArrayType) -> object:
        del context
        # What is not contiguous would be misread, and nothing would say so.
        assert (array.ndim, array.layout) == (1, "C")

        def data(
            context: _Context, builder: object, signature: _Signature, given: Sequence[object]
        ) -> object:
            return context.make_array(signature.args[0])(context, builder, given[0]).data

        return types.CPointer(array.dtype)(array), data

    return extending.intrinsic(by_address)


# Nothing is allocated in a leaf: without counting references to the arrays a loop takes a third of the time.
def _options(name: str) -> dict[str, bool | str]:
    inside = not name.startswith(ENTER)
    return {
        "cache": not inside,
        "error_model": "numpy",
        "_nrt": False,
        "no_cpython_wrapper": inside,
        "no_cfunc_wrapper": True,
    }


def bound(
    modules: tuple[ModuleType, ...], make: Callable[[FunctionType], _Dispatcher]
) -> dict[str, _Dispatcher]:
    """Return the entries of the modules by name, they and all that they call made by `make`."""
    made: dict[str, _Dispatcher] = {}
    names: list[dict[str, object]] = []
    digest = source_digest()
    for module in modules:
        inside: dict[str, object] = dict(vars(module))
        names.append(inside)
        for name, leaf in vars(module).items():
            if isinstance(leaf, FunctionType) and leaf.__module__ == module.__name__:
                copy = FunctionType(leaf.__code__, inside, name, leaf.__defaults__)
                copy.__qualname__ = f"{name}_{digest}"
                copy.__module__ = module.__name__
                made[name] = make(copy)
    for inside in names:
        inside.update((name, one) for name, one in made.items() if name in inside)
    return {name: made[ENTER + name] for name in ENTRIES}


@cache
def as_written() -> tuple[ModuleType, ...]:
    """Return the modules of `LEAVES` as their sources have them: of machine code (`mm.native`) Numba can read
    nothing.
    """
    return tuple(_source_of(module) for module in LEAVES)


def _source_of(module: ModuleType) -> ModuleType:
    if any(isinstance(one, FunctionType) for one in vars(module).values()):
        return module
    path = PACKAGE.joinpath(*module.__name__.split(".")[1:]).with_suffix(".py")
    spec = spec_from_file_location(module.__name__, path)
    assert spec is not None
    assert spec.loader is not None
    made = module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@cache
def source_digest() -> str:
    """Return a short hash of all that is compiled, and of how."""
    found = hashlib.sha256((inspect.getsource(_options) + inspect.getsource(_by_address)).encode())
    for module in (layout, *as_written()):
        found.update(inspect.getsource(module).encode())
    return found.hexdigest()[:12]


def compiled(say: Callable[[str], object] | None = None) -> Compiled | None:
    """Return the compiled loop, None where Numba is not installed or is switched off (NUMBA_DISABLE_JIT).

    Args: say: is told before what takes long; later calls return what the first one made.
    """
    if not _MADE:
        try:
            numba = cast("_Numba", importlib.import_module("numba"))
            numpy = cast("_Numpy", importlib.import_module("numpy"))
        except ImportError:
            return None
        if numba.config.DISABLE_JIT:
            return None
        _MADE.append(Compiled(numba, numpy, say))
    return _MADE[0]


_MADE: Final[list[Compiled]] = []


def entry(made: Compiled | None, name: str) -> Run:
    """Return an entry by name. Args: made: None: as it stands."""
    if made is not None:
        return made.entries[name]
    return cast("Run", vars(entries)[ENTER + name])


@contextmanager
def _one_at_a_time(last: _Dispatcher) -> Iterator[None]:
    # Of workers that begin together one compiles, the others find what it made.
    folder = _cache_folder(last)
    if folder is None or _is_cached(last):
        yield
        return
    with ExitStack() as held:
        # Where nothing can be written nothing is cached either, and each compiles for itself.
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            lock = held.enter_context(open(folder / f"kernel_{source_digest()}.lock", "ab"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _cache_folder(made: _Dispatcher) -> Path | None:
    path = getattr(getattr(made, "stats", None), "cache_path", None)
    return None if path is None else Path(path)


def _is_cached(last: _Dispatcher) -> bool:
    folder = _cache_folder(last)
    return folder is not None and any(folder.glob(f"*{LAST}_{source_digest()}*.nbi"))
