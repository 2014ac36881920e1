"""The text in which metrics are told: OpenMetrics 1.0, made from families of samples.

Knows the form and nothing of what is measured. Invariant: whatever stands in a label or a help text, the
result is a sequence of whole lines that ends with `# EOF`, and holds no value that is not a finite number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final, Literal, TypeAlias

CONTENT_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
"""What a server says that the text is."""

LABEL_LENGTH_MAX: Final = 120
"""Characters of a label's value that are told; the rest is left out."""

Kind: TypeAlias = Literal["counter", "gauge", "info"]

Value: TypeAlias = int | float | str
"""A number; as text it is a plain decimal, so that money made from integers stays exact."""

Sample: TypeAlias = tuple[tuple[str, ...], Value]
"""Values of the family's labels, in their order, and the number."""

_SUFFIXES: Final = {"counter": "_total", "gauge": "", "info": "_info"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What one metric tells. Fields: name: with the suffix that its kind has; labels: their names; about: one
    sentence; samples: may be none, each with other labels.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    about: str
    samples: Sequence[Sample]

    def __post_init__(self) -> None:
        """Check that the name has the suffix of its kind."""
        assert self.name.endswith(_SUFFIXES[self.kind]), f"{self.name}: a {self.kind} has another suffix"


def exposition(families: Iterable[Family]) -> str:
    """Return the whole text; a value that is not finite is left out: nothing is known then."""
    lines: list[str] = []
    for family in families:
        stem = family.name.removesuffix(_SUFFIXES[family.kind])
        lines.append(f"# TYPE {stem} {family.kind}")
        lines.append(f"# HELP {stem} {_escaped(family.about)}")
        for values, number in family.samples:
            if isinstance(number, str) or isfinite(number):
                lines.append(f"{family.name}{_labels(family.labels, values)} {number}")
    lines.append("# EOF")
    return "\n".join(lines) + "\n"


def _labels(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    if not names:
        return ""
    pairs = zip(names, values, strict=True)
    return "{" + ",".join(f'{name}="{_escaped(value[:LABEL_LENGTH_MAX])}"' for name, value in pairs) + "}"


def _escaped(text: str) -> str:
    # A lone half of a surrogate pair has no bytes in any encoding.
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return whole.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
