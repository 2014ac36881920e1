"""The verb `mm exchange`: the local exchange as a process of its own, on this machine alone.

Each start makes a throw-away key; it is printed, and written to the ready file. Ends on SIGINT and SIGTERM.
"""

import json
import secrets
import signal
import tempfile
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mm.cli.terminal import Terminal, duration_ns, verb
from mm.domain.units import NS_PER_S, SCALE_MIN, atoms_from_decimal
from mm.errors import ConfigError

if TYPE_CHECKING:
    from mm.exchange.settings import ExchangeSettings

DEFAULT_PORT: Final = 8600
"""Where `config/paper.toml` looks for it."""

READY_PAUSE_S: Final = 0.02

Seed = Annotated[
    int, typer.Option(metavar="SEED", min=0, max=2**63 - 1, help="Seed of the simulated traders.")
]
Preset = Annotated[str, typer.Option(help="Which market: demo is friendly, btc as tight as a real one.")]
Port = Annotated[int, typer.Option(min=0, max=65_535, help="Port on 127.0.0.1; 0 takes any.")]
ReadyFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Written when it serves: address and throw-away key, as JSON."),
]
StartBase = Annotated[str, typer.Option(metavar="AMOUNT", help="Base asset in the account at the start.")]
StartQuote = Annotated[str, typer.Option(metavar="AMOUNT", help="Quote asset in the account at the start.")]

IdleEnd = Annotated[
    int | None,
    typer.Option(parser=duration_ns, metavar="TIME", help="End when nobody has asked for so long, as 120s."),
]


@verb
def exchange(
    terminal: Terminal,
    *,
    agents: Seed,
    preset: Preset = "demo",
    port: Port = DEFAULT_PORT,
    ready_file: ReadyFile = None,
    start_base: StartBase = "1",
    start_quote: StartQuote = "60000",
    idle_end: IdleEnd = None,
) -> None:
    """Serve a simulated market over a real exchange's protocol."""
    import asyncio

    from mm.exchange.settings import ExchangeSettings
    from mm.logs import LogSettings, configure

    configure(LogSettings(level="debug" if terminal.verbose else "warning", color=terminal.color))
    settings = ExchangeSettings(
        seed=agents,
        preset=preset,
        port=port,
        api_key=secrets.token_hex(16),
        api_secret=secrets.token_hex(16),
        client_base_atoms=_atoms("--start-base", start_base),
        client_quote_atoms=_atoms("--start-quote", start_quote),
    )
    asyncio.run(_served(terminal, settings, ready_file, idle_s=(idle_end or 0) / NS_PER_S))


def _atoms(option: str, text: str) -> int:
    try:
        amount = Decimal(text)
        if not 0 <= amount <= 10**9:
            raise ConfigError(f"{option} was {amount}, expected 0 to 1000000000")
        return atoms_from_decimal(amount, SCALE_MIN)
    except (InvalidOperation, ValueError):
        raise ConfigError(f"{option} was {text[:40]!r}, expected a number of at most 8 decimals") from None


async def _served(
    terminal: Terminal, settings: "ExchangeSettings", ready_file: Path | None, *, idle_s: float
) -> None:
    import asyncio

    from mm.exchange.server import serve

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with tempfile.TemporaryDirectory(prefix="mm-") as folder:
        file = ready_file or Path(folder) / "ready.json"
        telling = asyncio.ensure_future(_tell(terminal, file))
        try:
            await serve(settings, ready_file=file, stop=stop, idle_s=idle_s)
        finally:
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling


async def _tell(terminal: Terminal, file: Path) -> None:
    import asyncio

    # Says once where it serves; the file is renamed into place, so it is there whole or not at all.
    content = b""
    while True:
        content = await asyncio.to_thread(_read, file)
        if content:
            break
        await asyncio.sleep(READY_PAUSE_S)
    ready = json.loads(content)
    if terminal.as_json:
        terminal.result(ready)
    elif not terminal.quiet:
        print(f"serving    {ready['url']}", f"api key    {ready['api_key']}", sep="\n")
        print(f"api secret {ready['api_secret']}", "throw-away keys; ctrl-c stops", sep="\n", flush=True)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""
