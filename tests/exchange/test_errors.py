"""The venue's words for what goes wrong: exact texts and HTTP statuses, each refusal of the world mapped."""

import pytest

from mm.exchange import errors
from mm.exchange.errors import Fault, amend_refused_by, http_status, refused, refused_by
from mm.sim.orders import Refusal


@pytest.mark.parametrize(
    ("fault", "code", "status", "text"),
    [
        (errors.UNKNOWN_ERROR, -1000, 500, "An unknown error occurred while processing the request."),
        (
            errors.DISCONNECTED,
            -1001,
            503,
            "Internal error; unable to process your request. Please try again.",
        ),
        (
            errors.UNEXPECTED_RESPONSE,
            -1006,
            500,
            "An unexpected response was received from the message bus. Execution status unknown.",
        ),
        (
            errors.TIMED_OUT,
            -1007,
            504,
            "Timeout waiting for response from backend server. "
            "Send status unknown; execution status unknown.",
        ),
        (
            errors.BUSY,
            -1008,
            503,
            "Server is currently overloaded with other requests. Please try again in a few minutes.",
        ),
    ],
)
def test_errors_that_only_a_fault_provokes_have_the_venues_text(
    fault: Fault, code: int, status: int, text: str
) -> None:
    """What the exchange never says by itself; the rest is provoked where it happens."""
    error = refused(fault)
    assert (error.code, http_status(error), str(error)) == (code, status, text)


AMENDING = (Refusal.AMEND_INCREASES, Refusal.AMEND_CHANGES_NOTHING, Refusal.AMEND_BELOW_DONE)


@pytest.mark.parametrize("refusal", list(Refusal))
def test_every_refusal_of_the_world_has_an_error(refusal: Refusal) -> None:
    """Those of an amendment by its own function, everything else by both; none is a success."""
    if refusal not in AMENDING:
        assert refused_by(refusal).code < 0
    assert amend_refused_by(refusal).code in (-2038, -1013, -1112, -2010)
