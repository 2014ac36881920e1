"""Named tuples where there are millions of them."""

from typing import Final

named: Final = tuple.__new__
"""Makes a named tuple of its class and a tuple; a call of the class runs byte-code, compiled or not."""
