"""Errors say what to do next: by class, by hint and by exit code."""

import inspect

import pytest

from mm import errors
from mm.errors import MMError, VenueRefused

CLASSES = [
    member
    for _, member in inspect.getmembers(errors, inspect.isclass)
    if issubclass(member, MMError) and member is not MMError
]
CODES = {name: value for name, value in vars(errors).items() if name.startswith("EXIT_")}


def test_the_root_is_never_raised_itself() -> None:
    """An error without a class would tell nobody what to do."""
    with pytest.raises(TypeError, match="MMError is abstract"):
        MMError("something")


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_each_error_keeps_its_message_and_its_hint(error: type[MMError]) -> None:
    """The message is what is printed; the hint is empty unless one was given."""
    raised = error("what was found, what was expected", hint="do this")

    assert str(raised) == "what was found, what was expected"
    assert raised.hint == "do this"
    assert error("message").hint == ""
    assert isinstance(raised, MMError)


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_each_error_is_documented_and_ends_with_a_known_code(error: type[MMError]) -> None:
    """A class says when it is raised; its exit code is one of those that the file declares, never success."""
    assert (error.__doc__ or "") not in ("", MMError.__doc__)
    assert error.exit_code in CODES.values()
    assert error.exit_code != errors.EXIT_OK


def test_no_two_exit_codes_mean_the_same_number() -> None:
    """Scripts tell causes apart by the number alone, and numbers never change."""
    assert CODES == {
        "EXIT_OK": 0,
        "EXIT_UNEXPECTED": 1,
        "EXIT_USAGE": 2,
        "EXIT_NOT_RUNNING": 3,
        "EXIT_CONFIG": 4,
        "EXIT_TIMEOUT": 5,
        "EXIT_HALTED": 6,
        "EXIT_UNREACHABLE": 7,
        "EXIT_ORDERS_MAY_REMAIN": 8,
        "EXIT_CHECK_FAILED": 9,
    }


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (("ConfigError", "ForeignAddress", "AlreadyRunning", "StateCorrupt"), errors.EXIT_CONFIG),
        (("JournalCorrupt", "JournalForeign", "JournalFailed", "RecordingFailed"), errors.EXIT_CONFIG),
        (("NotRunning",), errors.EXIT_NOT_RUNNING),
        (("TimedOut",), errors.EXIT_TIMEOUT),
        (("Halted",), errors.EXIT_HALTED),
        (("VenueUnreachable", "VenueRefused", "VenueUnknown"), errors.EXIT_UNREACHABLE),
        (("OrdersMayRemain",), errors.EXIT_ORDERS_MAY_REMAIN),
        (("ProtocolViolation",), errors.EXIT_UNEXPECTED),
    ],
)
def test_each_cause_has_its_exit_code(names: tuple[str, ...], code: int) -> None:
    """Causes that ask for the same reaction share a code, the others do not."""
    assert [getattr(errors, name).exit_code for name in names] == [code] * len(names)


def test_a_demo_pointed_elsewhere_is_an_error_of_the_configuration() -> None:
    """Whoever handles wrong configurations handles it too."""
    assert issubclass(errors.ForeignAddress, errors.ConfigError)


def test_a_refusal_of_the_venue_keeps_the_venues_code() -> None:
    """0 stands for none."""
    assert VenueRefused("no", code=-2010, hint="less").code == -2010
    assert VenueRefused("no").code == 0


def test_a_damaged_journal_names_the_place() -> None:
    """File and byte; neither where it is the journal as a whole."""
    error = errors.JournalCorrupt("no", path="own/000001.mmj", offset=77, hint="restore it")

    assert (error.path, error.offset, error.hint) == ("own/000001.mmj", 77, "restore it")
    assert (errors.JournalCorrupt("no").path, errors.JournalCorrupt("no").offset) == ("", -1)
    assert isinstance(error, errors.StateCorrupt)
