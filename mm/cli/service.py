"""The verb `mm service install`: the unit file that runs mm as a service of systemd.

It writes one file at most, in the user's own folder, never over one that was changed, and calls nothing: what
is left to do is told as commands. `mm.runtime.notify` is the other half, the daemon's word to its manager.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

import mm
from mm.cli.terminal import Terminal, verb
from mm.errors import ConfigError

UNIT_NAME: Final = "mm@.service"
UNIT_FILE: Final = Path(mm.__file__).parent / "templates" / UNIT_NAME
SYSTEM_UNIT: Final = Path("/etc/systemd/system") / UNIT_NAME

_PLACEHOLDER: Final = "/usr/bin/env mm "
_SYSTEM_ONLY: Final = "# Only the system's manager can do these"
_HIDDEN: Final = ("/home/", "/root/", "/run/user/")
"""Folders that a unit of the system cannot look into."""

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Run mm as a service.")


@app.callback()
def service() -> None:
    """Run mm as a service."""


@verb
def install(
    terminal: Terminal,
    *,
    user: Annotated[bool, typer.Option("--user", help="Write it for your own services.")] = False,
    as_text: Annotated[bool, typer.Option("--print", help="Print the unit and write nothing.")] = False,
) -> None:
    """Make the systemd unit mm@NAME, which runs a config as a service; by default only tell how."""
    unit = user_unit() if user else SYSTEM_UNIT
    text = unit_text(sys.executable, user=user)
    if as_text and not terminal.as_json:
        print(text, end="")
        return
    written = user and not as_text and _write(unit, text)
    commands = _commands(unit, user=user)
    if not terminal.as_json:
        _tell(unit, commands, user=user, written=written)
    terminal.result({"unit": str(unit), "written": written, "commands": commands, "text": text})


app.command("install")(install)


def user_unit() -> Path:
    """Return where a user's own unit lies."""
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "systemd" / "user" / UNIT_NAME


def unit_text(interpreter: str, *, user: bool) -> str:
    """Return the unit. Args: interpreter: that has mm; user: for a user's own manager, not the system's."""
    text = UNIT_FILE.read_text(encoding="utf-8")
    assert text.count(_PLACEHOLDER) == 1
    # In a unit a percent sign begins a specifier, and quotes keep a path with spaces together.
    path = interpreter.replace("%", "%%")
    quoted = f'"{path}"' if " " in path else path
    text = text.replace(_PLACEHOLDER, f"{quoted} -m mm ")
    if not user:
        return text
    head, _, rest = text.partition(_SYSTEM_ONLY)
    install_section = rest[rest.index("[Install]") :].replace("multi-user.target", "default.target")
    lines = [line for line in head.splitlines(keepends=True) if "network-online.target" not in line]
    return "".join(lines).replace("systemctl edit", "systemctl --user edit") + install_section


def _write(unit: Path, text: str) -> bool:
    # Returns whether it had to be written; what somebody changed stays as it is.
    try:
        unit.parent.mkdir(parents=True, exist_ok=True)
        with unit.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        if unit.read_text(encoding="utf-8", errors="replace") == text:
            return False
        raise ConfigError(
            f"{unit}: is there already and differs; it was left as it is",
            hint=f"compare: mm service install --user --print | diff {unit} -",
        ) from None
    except OSError as error:
        raise ConfigError(f"{unit}: cannot be written: {error.strerror}") from None
    return True


def _commands(unit: Path, *, user: bool) -> list[str]:
    if user:
        folder = unit.parents[2] / "mm"
        return [
            f"mkdir -p {folder} && cp mm.toml {folder}/NAME.toml",
            "systemctl --user daemon-reload",
            "systemctl --user enable --now mm@NAME",
            "systemctl --user reload mm@NAME",
            "loginctl enable-linger",
        ]
    return [
        f"mm service install --print | sudo tee {unit}",
        "sudo mkdir -p /etc/mm && sudo cp mm.toml /etc/mm/NAME.toml",
        "sudo systemctl daemon-reload",
        "sudo systemctl enable --now mm@NAME",
        "sudo systemctl reload mm@NAME",
    ]


_ABOUT: Final = {
    "enable": "starts it, now and with the machine",
    "reload": "takes an edit of the config over",
    "enable-linger": "lets it run while you are logged out",
}


def _tell(unit: Path, commands: list[str], *, user: bool, written: bool) -> None:
    state = "written" if written else ("is there already, unchanged" if user else "nothing was written")
    print(f"{unit}: {state}; as it stands: mm service install {'--user ' if user else ''}--print")
    if not user and sys.executable.startswith(_HIDDEN):
        print(f"note: a service of the system cannot see {sys.executable}: install mm in /opt, or use --user")
    print("to do, with a name of yours for NAME:")
    for command in commands:
        about = next((text for word, text in _ABOUT.items() if f" {word} " in f"{command} "), "")
        print(f"  {command}" + (f"   # {about}" if about else ""))
    print("what it says: journalctl " + ("--user " if user else "") + "-u mm@NAME -f")
