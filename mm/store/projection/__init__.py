"""What is in the journals as tables, for people and their tools: made from them, thrown away at will.

The core never reads it and nothing is decided by it. One schema, in SQLAlchemy Core, for SQLite and
PostgreSQL. Integers (ticks, lots, atoms, ns) are what holds; the texts beside them are for people.

- schema: the tables      - facts: what has to be known of a run to read its journal
- fold: records to rows   - order_lives, mids: what of an order and of a book is needed for that
- file: the SQLite file, made beside the old one and put in its place when it is whole
"""
