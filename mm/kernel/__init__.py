"""The compiled fast-forward between two decisions, and its plain reference.

What is what: `types` says what a kernel is; `plain` is one over the ordinary objects, `kernel` the one over
an array. Its loop and all that the loop calls are leaves (`loop`, `messages`, `venue_view`, `slots`, and
those of `sim.queue`): plain functions over integers, compiled by `compiled` where Numba can be had; so are
those of `whole`, which go over every price of a side for `memory` and the views. `entries` are what is called
of them from outside.
`array_book` and `array_feed` are the same array seen as the engine's book and as the venue's feed, for
everything that has to go through the objects. `memory` makes the array, `layout` names what is in it.

The array holds per market and side one table from price to a slot, and a slot holds what both views display
there, so that a row of a tape costs one look-up: the engine's book and the venue's view differ, as they treat
what two streams say of one price in different ways. Far from the touch a price costs nothing else. Near it
prices are also in a short list in order; it is filled anew from the table when it has run out.

Invariants:
- a price has one slot at most; a slot stays where it is until its region is tidied, and between two messages
  nobody remembers where it is but the list;
- the list is in order and holds every price from its floor up that either view displays;
- BEST is the best key of the engine's book whenever LOST is 0, which it is between two messages;
- nothing of a message is applied before it is sure that it fills nothing;
- a side has more than 2 x LEVELS_MAX levels of a view only inside a message;
- times never fall: the generations of what two streams told are aged by the time of the last message;
- sizes are below 2**62, prices below 2**61;
- no index into an array is negative or beyond its end: in compiled code nobody looks.
"""
