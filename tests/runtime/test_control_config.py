"""The config over the control socket: each request answered, each refusal with its exit code."""

import json
from pathlib import Path
from typing import Any

from mm.runtime.control import ControlServer
from tests.builders.live_configs import TEXT, ConfiguredRun
from tests.builders.shapes import documented


class Asked:
    """A control server without its socket."""

    def __init__(self, run: ConfiguredRun) -> None:
        """Answer for `run`, which runs."""
        self.server = ControlServer(Path("unused"), run.runtime, dict, run.config)

    def __call__(self, do: str, **fields: Any) -> dict[str, Any]:
        """Ask and return the answer, as a client gets it."""
        line = json.dumps({"do": do, "who": "me", **fields}).encode()
        answer: dict[str, Any] = json.loads(json.dumps(self.server.answer(line)))
        return answer


def test_get_plan_apply_and_history_over_the_socket(tmp_path: Path) -> None:
    """In the documented shapes; what is applied bears the name of who asked."""
    run, shapes = ConfiguredRun(tmp_path), documented()

    def talk() -> None:
        ask = Asked(run)
        got = ask("config.get", key="risk")
        assert got.pop("ok") is True
        assert not shapes.differences(got, "config_get")
        text = TEXT.replace("session_loss_quote = 100", "session_loss_quote = 200")
        planned = ask("config.plan", text=text)
        assert (planned["ok"], planned["confirm"]) == (True, ["risk.session_loss_quote"])
        run.path.write_text(text)
        refused = ask("config.apply", digest=planned["digest"])
        assert (refused["ok"], refused["exit_code"]) == (False, 4)
        assert "--confirm" in refused["hint"]
        applied = ask("config.apply", digest=planned["digest"], confirm=True)
        assert (applied["ok"], applied["applied"], applied["revision"]) == (True, True, 2)
        told = ask("config.history")
        assert told.pop("ok") is True
        assert not shapes.differences(told, "config_history")
        assert [(one["revision"], one["who"]) for one in told["revisions"]] == [(1, "mm"), (2, "me, control")]
        assert ask("config.get", key="nothing")["exit_code"] == 4

    run.at(3, talk)
    run.go()


def test_a_request_that_is_none_is_refused_with_the_ones_there_are(tmp_path: Path) -> None:
    """Also where no config is kept."""
    run = ConfiguredRun(tmp_path)

    def talk() -> None:
        assert "config.apply" in Asked(run)("config.set")["hint"]
        without = ControlServer(Path("unused"), run.runtime, dict)
        assert without.answer(b'{"do": "config.get"}')["exit_code"] == 2

    run.at(3, talk)
    run.go()
