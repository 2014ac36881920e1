"""The nouns of market making: units, ids, instrument, book, orders, position, view, events, commands."""
