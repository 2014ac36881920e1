"""The verb `mm exchange`: the local exchange as a process of its own, on this machine alone.

Its market is one of simulated traders, or a recording that is read to its end before anything listens. Each
start makes a throw-away key; it is printed, and written to the ready file. Ends on SIGINT and SIGTERM.
"""

import json
import secrets
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mm.cli.recording import ReplayAsked, check_choice, recorded_market, tell_position
from mm.cli.terminal import Terminal, duration_ns, verb
from mm.domain.units import NS_PER_S, SCALE_MIN, atoms_from_decimal
from mm.errors import UsageError

if TYPE_CHECKING:
    from mm.exchange.server import Scene
    from mm.exchange.settings import ExchangeSettings

DEFAULT_PORT: Final = 8600
"""Where `config/paper.toml` looks for it."""

READY_PAUSE_S: Final = 0.02

Seed = Annotated[
    int | None,
    typer.Option(metavar="SEED", min=0, max=2**63 - 1, help="Simulated traders, by this seed."),
]
Preset = Annotated[
    str | None, typer.Option(help="Which traders: demo (default) is friendly, btc as tight as a real market.")
]
ReplayFiles = Annotated[
    list[Path] | None,
    typer.Option("--replay", metavar="FILE...", help="Recorded raw frames instead, in order of time."),
]
MoreFiles = Annotated[list[Path] | None, typer.Argument(metavar="FILE", hidden=True)]
Speed = Annotated[
    float | None, typer.Option(metavar="X", help="How fast the recording is played: 0.1 to 1000; 1.")
]
Base = Annotated[str | None, typer.Option(metavar="ASSET", help="Base asset, if not told by the symbol.")]
Quote = Annotated[str | None, typer.Option(metavar="ASSET", help="Quote asset, if not told by the symbol.")]
Tick = Annotated[str | None, typer.Option(metavar="PRICE", help="Tick, if not what divides all prices.")]
Lot = Annotated[str | None, typer.Option(metavar="SIZE", help="Lot, if not what divides all sizes traded.")]
Tls = Annotated[
    bool,
    typer.Option("--tls", help="Serve over TLS too, under the venue's names, with a throw-away certificate."),
]
MakerFee = Annotated[str | None, typer.Option(metavar="BPS", help="Maker fee on the recorded market; 10.")]
TakerFee = Annotated[str | None, typer.Option(metavar="BPS", help="Taker fee on the recorded market; 10.")]
Port = Annotated[int, typer.Option(min=0, max=65_535, help="Port on 127.0.0.1; 0 takes any.")]
ReadyFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Written when it serves: address and throw-away key, as JSON."),
]
FaultsFile = Annotated[
    Path | None,
    typer.Option("--faults", metavar="FILE", help="What goes wrong, and when: a plan of faults, as TOML."),
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
    agents: Seed = None,
    preset: Preset = None,
    replay: ReplayFiles = None,
    more: MoreFiles = None,
    speed: Speed = None,
    base: Base = None,
    quote: Quote = None,
    tick: Tick = None,
    lot: Lot = None,
    maker_fee_bps: MakerFee = None,
    taker_fee_bps: TakerFee = None,
    tls: Tls = False,
    faults: FaultsFile = None,
    port: Port = DEFAULT_PORT,
    ready_file: ReadyFile = None,
    start_base: StartBase = "1",
    start_quote: StartQuote = "60000",
    idle_end: IdleEnd = None,
) -> None:
    """Serve a simulated or a recorded market over a real exchange's protocol."""
    import asyncio

    from mm.exchange.faults.injector import NOTHING
    from mm.exchange.faults.plan import read_plan
    from mm.exchange.server import Scene
    from mm.exchange.settings import ExchangeSettings
    from mm.logs import LogSettings, configure

    configure(LogSettings(level="debug" if terminal.verbose else "warning", color=terminal.color))
    asked = ReplayAsked(
        files=(*(replay or ()), *(more or ())),
        speed=speed,
        base=base,
        quote=quote,
        tick=tick,
        lot=lot,
        maker_fee_bps=maker_fee_bps,
        taker_fee_bps=taker_fee_bps,
    )
    check_choice(agents, preset, asked, is_replay=replay is not None)
    plan = read_plan(faults) if faults is not None else NOTHING
    settings = ExchangeSettings(
        seed=agents or 0,
        preset=preset or "demo",
        port=port,
        tls=tls,
        api_key=secrets.token_hex(16),
        api_secret=secrets.token_hex(16),
        client_base_atoms=_atoms("--start-base", start_base),
        client_quote_atoms=_atoms("--start-quote", start_quote),
    )
    market = recorded_market(terminal, asked, settings) if asked.files else None
    serving = _Serving(settings=settings, scene=Scene(market=market, plan=plan), ready_file=ready_file)
    asyncio.run(_served(terminal, serving, idle_s=(idle_end or 0) / NS_PER_S))


@dataclass(frozen=True, kw_only=True)
class _Serving:
    # What is served.
    settings: "ExchangeSettings"
    scene: "Scene"
    ready_file: Path | None


def _atoms(option: str, text: str) -> int:
    try:
        amount = Decimal(text)
        if not 0 <= amount <= 10**9:
            raise UsageError(f"{option} was {amount}, expected 0 to 1000000000")
        return atoms_from_decimal(amount, SCALE_MIN)
    except (InvalidOperation, ValueError):
        raise UsageError(f"{option} was {text[:40]!r}, expected a number of at most 8 decimals") from None


async def _served(terminal: Terminal, serving: _Serving, *, idle_s: float) -> None:
    import asyncio

    from mm.exchange.replay_market import RecordedMarket
    from mm.exchange.server import serve

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with _ready_file(serving.ready_file) as file:
        telling = [asyncio.ensure_future(_tell(terminal, file))]
        market = serving.scene.market
        if isinstance(market, RecordedMarket):
            telling.append(asyncio.ensure_future(tell_position(terminal, market)))
        try:
            await serve(serving.settings, ready_file=file, stop=stop, idle_s=idle_s, scene=serving.scene)
        finally:
            for task in telling:
                task.cancel()
            await asyncio.gather(*telling, return_exceptions=True)


# A folder is made only where nobody gave a file: one who is killed leaves it behind.
@contextmanager
def _ready_file(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="mm-") as folder:
        yield Path(folder) / "ready.json"


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
