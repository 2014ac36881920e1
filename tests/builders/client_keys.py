"""The two keys of the test account, as a client holds them."""

from tests.builders.client_words import Credentials
from tests.builders.exchange import KEY, SECRET
from tests.builders.exchange_keys import ED25519_KEY, PRIVATE_PEM

HMAC = Credentials(key=KEY, secret=SECRET)
ED25519 = Credentials(key=ED25519_KEY, secret=PRIVATE_PEM)

BOTH = (HMAC, ED25519)
"""Both kinds of signature."""
