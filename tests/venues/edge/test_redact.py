"""Tests of mm/venues/edge/redact.py: nothing secret survives, plain reasons do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.venues.edge.redact import TEXT_MAX, redacted


def test_a_plain_reason_stays_as_it_is() -> None:
    """The venue's own words are what people search for."""
    text = "Filter failure: PRICE_FILTER"
    assert redacted(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "GET https://api.binance.com/api/v3/order?signature=SECRETVALUE&timestamp=1",
        "bad signature=SECRETVALUE here",
        'headers {"X-MBX-APIKEY": "SECRETVALUE"}',
        "apiKey: SECRETVALUE",
        "the secret = SECRETVALUE",
        "wss://host/ws?listenKey=SECRETVALUE",
        "a token SECRETVALUE" + "x" * 40,
    ],
)
def test_addresses_and_secrets_are_taken_out(text: str) -> None:
    """Whatever form a secret or a signed address has, it does not come through."""
    assert "SECRETVALUE" not in redacted(text)


def test_the_words_of_a_refused_signature_stay() -> None:
    """Only values are secret: the sentence of the venue is not."""
    assert redacted("Signature for this request is not valid.") == "Signature for this request is not valid."


@given(st.text(max_size=400))
def test_the_result_is_one_short_printable_line(text: str) -> None:
    """Whatever comes in, a short line of printable characters comes out, and stays so."""
    once = redacted(text)
    assert len(once) <= TEXT_MAX
    assert once.isprintable()
    assert "\n" not in once
