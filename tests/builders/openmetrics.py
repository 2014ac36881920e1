"""A naive reader of OpenMetrics text, made from its specification alone: what is not in that is an error."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

_NAME: Final = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_SAMPLE: Final = re.compile(rf"({_NAME})(?:\{{(.*)\}})? (\S+)", re.DOTALL)
_LABEL: Final = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?", re.ASCII)
_SUFFIX: Final = {"counter": "_total", "gauge": "", "info": "_info"}
_UNESCAPED: Final = {"\\\\": "\\", "\\n": "\n", '\\"': '"'}

Labels = frozenset[tuple[str, str]]


@dataclass(slots=True)
class Found:
    """One family. Fields: kind; about; samples: number by labels."""

    kind: str
    about: str = ""
    samples: dict[Labels, Decimal] = field(default_factory=dict)

    def at(self, **labels: str) -> Decimal:
        """Return the number of these labels, no more and no fewer."""
        return self.samples[frozenset(labels.items())]


def parsed(text: str) -> dict[str, Found]:
    """Return every family by the name of its samples; asserts that the text is OpenMetrics throughout."""
    assert text.endswith("\n# EOF\n") or text == "# EOF\n"
    found: dict[str, Found] = {}
    stems: set[str] = set()
    stem, name = "", ""
    for line in text.removesuffix("# EOF\n").split("\n")[:-1]:
        if line.startswith("# TYPE "):
            stem, kind = line.removeprefix("# TYPE ").split(" ")
            assert stem not in stems, f"{stem} twice"
            stems.add(stem)
            name = stem + _SUFFIX[kind]
            found[name] = Found(kind)
        elif line.startswith("# HELP "):
            said, about = line.removeprefix("# HELP ").split(" ", 1)
            assert said == stem, f"{said} within {stem}"
            found[name].about = unescaped(about)
        else:
            _sample(line, name, found)
    return found


def _sample(line: str, name: str, found: Mapping[str, Found]) -> None:
    match = _SAMPLE.fullmatch(line)
    assert match is not None, f"no sample: {line!r}"
    assert match[1] == name, f"{match[1]} within {name}"
    assert _NUMBER.fullmatch(match[3]), f"no number: {match[3]!r}"
    labels = _labels(match[2])
    assert labels not in found[name].samples, f"{name} {sorted(labels)} twice"
    number = Decimal(match[3])
    assert number >= 0 or found[name].kind == "gauge", f"{name} is {number}"
    found[name].samples[labels] = number


def _labels(text: str | None) -> Labels:
    labels: dict[str, str] = {}
    at = 0
    while text and at < len(text):
        match = _LABEL.match(text, at)
        assert match is not None, f"no label: {text[at:]!r}"
        assert match[1] not in labels
        labels[match[1]] = unescaped(match[2])
        at = match.end()
    return frozenset(labels.items())


def unescaped(text: str) -> str:
    """Return a text as it was before its escapes."""
    return re.sub(r"\\.", lambda match: _UNESCAPED[match[0]], text)


def fallen(before: Mapping[str, Found], after: Mapping[str, Found]) -> list[str]:
    """Return the counters that are less than they were, or gone."""
    return [
        f"{name} {sorted(labels)}"
        for name, family in before.items()
        if family.kind == "counter"
        for labels, number in family.samples.items()
        if after[name].samples.get(labels, Decimal(-1)) < number
    ]
