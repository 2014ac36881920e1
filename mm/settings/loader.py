"""From a file, variables and flags to `Settings`, or to one `ConfigError` that tells all that is wrong.

Precedence: defaults < file < `MM__A__B` < `--set`. Reads one file and starts nothing. Invariant: whatever the
file holds, the outcome is `Settings` or a `ConfigError` (a property test mutates files at random).
"""

import dataclasses
import os
import stat
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel, ValidationError

import mm
from mm.errors import ConfigError
from mm.settings.contradictions import contradictions
from mm.settings.lines import KeyPath, key_lines
from mm.settings.models import FileSettings, Settings
from mm.settings.overlay import entries, exact_number, lay_over
from mm.settings.params import validated_params
from mm.settings.problems import Origins, Problem, problems_of, raise_problems
from mm.settings.strategies import strategy_class
from mm.settings.values import unfit

FILE_BYTES_MAX: Final = 256_000
"""Largest config file, five times what 64 sessions need: a daemon reads it while it trades."""

DEMO_FILE: Final = Path(mm.__file__).parent / "templates" / "demo.toml"
"""What `mm demo` runs; the same text as `config/demo.toml`."""

DEPTH_MAX: Final = 20
"""Deepest nesting of tables and lists."""


def load_settings(
    path: Path | str, overrides: Sequence[str] = (), environ: Mapping[str, str] | None = None
) -> Settings:
    """Return the settings that the file at `path` and what is laid over it describe.

    Args: overrides: `a.b=c` texts of `--set`. environ: variables; those of the process when absent.
    Raises: ConfigError (or its subclass ForeignAddress) that lists every problem with its place.
    """
    return settings_of(read_text(Path(path)), path, overrides, environ)


def settings_of(
    text: str, path: Path | str, overrides: Sequence[str] = (), environ: Mapping[str, str] | None = None
) -> Settings:
    """Return the settings that `text`, in a file at `path`, describes; else as `load_settings`."""
    file = str(path)
    tree = _parsed(text, file)
    origins = Origins(file, _lines(text, file))
    for entry in entries(os.environ if environ is None else environ, overrides):
        lay_over(tree, entry)
        origins.set(entry.path, entry.origin, entry.value)
    raise_problems(list(_unfit_values(tree, ())), origins)
    problems = _with_typed_params(tree, Path(path).absolute().parent)
    try:
        settings = FileSettings.model_validate(tree)
    except ValidationError as error:
        # Most likely cause first: a wrong table makes its parameters look wrong too.
        raise_problems([*problems_of(error, FileSettings), *problems], origins)
        raise  # not reached: an error has at least one problem
    problems += contradictions(settings, stated=lambda key: origins.exact(key) != "default")
    raise_problems(problems, origins)
    settled = _settled(settings, Path(path), origins)
    return settled.model_copy(update={"text": text, "overrides": tuple(overrides)})


def demo_settings(overrides: Sequence[str] = (), environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of `mm demo`, from the config that comes with mm; raises as `load_settings`."""
    return load_settings(DEMO_FILE, overrides, environ)


def read_text(path: Path, *, again: bool = False) -> str:
    """Return the text of a config file; raises ConfigError if there is none that could be one.

    Args: again: while a run goes on; only a regular file is read then, for a pipe or a terminal would keep
    it waiting.
    """
    try:
        flags = os.O_RDONLY | os.O_CLOEXEC | (os.O_NONBLOCK | os.O_NOCTTY if again else 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            if again and not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ConfigError(f"{path}: cannot be read again: it is no regular file")
            content = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file", hint="config/demo.toml is a file to start from") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no usable path"
        raise ConfigError(f"{path}: cannot be read: {reason}") from None
    if len(content) > FILE_BYTES_MAX:
        raise ConfigError(f"{path}: larger than {FILE_BYTES_MAX} bytes: not a config file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text", hint="save the file as UTF-8") from None


def _parsed(text: str, file: str) -> dict[str, object]:
    try:
        return tomllib.loads(text, parse_float=exact_number)
    except tomllib.TOMLDecodeError as error:
        message, line = _syntax_error(str(error), text)
        hint = _syntax_hint(text, line)
        raise ConfigError(f"{file}:{line}: not valid TOML: {message}", hint=hint) from None
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else "a number is beyond all bounds"
        raise ConfigError(f"{file}: {reason}") from None


def _syntax_error(message: str, text: str) -> tuple[str, int]:
    said, _, place = message.rpartition(" (at ")
    words = place.removeprefix("line ").split(",")
    if words[0].isdecimal():
        return said, int(words[0])
    return (said or message), text.count("\n") + 1


def _syntax_hint(text: str, line: int) -> str:
    lines = text.splitlines()
    written = lines[line - 1] if 0 < line <= len(lines) else ""
    _, equals, value = written.partition("=")
    word = value.split("#")[0].strip()
    if equals and word and word[0] not in "\"'[{" and not word[0].isdigit():
        return "texts stand in quotes"
    return ""


def _lines(text: str, file: str) -> dict[KeyPath, int]:
    try:
        return key_lines(text)
    except RecursionError:
        raise ConfigError(f"{file}: nested too deeply") from None


def _unfit_values(value: object, path: KeyPath) -> Iterator[Problem]:
    if len(path) > DEPTH_MAX:
        yield Problem(path=path[:DEPTH_MAX], message="nested too deeply")
    elif isinstance(value, dict | list):
        named = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in named:
            yield from _unfit_values(inner, (*path, str(key)))
    else:
        message = unfit(value)
        if message:
            yield Problem(path=path, message=message)


def _with_typed_params(tree: dict[str, object], folder: Path) -> list[Problem]:
    # Replaces each session's table of parameters by an instance of its strategy's own Params.
    problems: list[Problem] = []
    pairs = tree.get("pair")
    for name, pair in pairs.items() if isinstance(pairs, dict) else ():
        if not isinstance(pair, dict):
            continue
        strategy = pair.get("strategy", "pure_market_making")
        table = pair.get("params", {})
        path = ("pair", name, "params")
        if not isinstance(strategy, str):
            continue
        if not isinstance(table, dict):
            problems.append(Problem(path=path, message="expected a table", hint=f"write [{'.'.join(path)}]"))
            continue
        try:
            chosen = strategy_class(strategy, folder)
        except ConfigError as error:
            problems.append(Problem(path=("pair", name, "strategy"), message=str(error), hint=error.hint))
            continue
        params, found = validated_params(chosen.params, table, path)
        pair["params"] = params
        problems += found
    return problems


def _settled(settings: FileSettings, path: Path, origins: Origins) -> Settings:
    sources = {".".join(key): origins.exact(key) for key, _ in leaves(settings)}
    fields = {name: getattr(settings, name) for name in FileSettings.model_fields}
    return Settings.model_construct(**fields, path=path.absolute(), sources=MappingProxyType(sources))


def leaves(value: object, path: KeyPath = ()) -> Iterator[tuple[KeyPath, object]]:
    """Yield every single value of a settings object with its path, in the order of the models."""
    if isinstance(value, BaseModel):
        model = FileSettings if isinstance(value, FileSettings) else type(value)
        for name in model.model_fields:
            yield from leaves(getattr(value, name), (*path, name))
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from leaves(getattr(value, field.name), (*path, field.name))
    else:
        yield path, value
