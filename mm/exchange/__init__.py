"""The local exchange: a server on loopback that speaks the Binance spot protocol over the simulated world.

It is for one account that trades from outside; everybody else is simulated. It never listens on anything but
a loopback address.
"""
