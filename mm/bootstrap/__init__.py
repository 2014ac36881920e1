"""The composition root: from a config to running objects. The only place that names concrete parts.

Nothing is decided here but what the config says. Invariant: what is live is live by the file and by a flag;
a demo signs for loopback alone; nothing else holds a key.
"""

from mm.bootstrap.run_config import run
from mm.bootstrap.run_demo import demo

__all__ = ["demo", "run"]
