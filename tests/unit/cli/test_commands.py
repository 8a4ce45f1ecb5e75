from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from mautic_async import ConfigurationError, __main__
from mautic_async.bulk import BulkReport, Progress, RateLimitStatus
from mautic_async.cli.commands import app
from mautic_async.cli.exit_status import run
from mautic_async.cli.import_settings import ImportResult, ImportSettings, JournalSettings
from mautic_async.cli.input_file import InputFile
from mautic_async.cli.progress import ProgressDisplay
from mautic_async.cli.serve import parse_latency, serve_until_cancelled
from mautic_async.cli.tables import guarantee_lines, notes, print_table, reason_lines, result_lines
from tests.support import socket_server
from tests.support.socket_server import ServedFake

PYTHON = [sys.executable, "-W", "error", "-m", "mautic_async"]
NOT_FOR_HELP = ("httpx", "attrs", "cattrs", "authlib", "mautic_async.client", "mautic_async.models")


@pytest.fixture(scope="module")
def site() -> Iterator[ServedFake]:
    with socket_server.serve_fake() as found:
        yield found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text("email,First name,products.name,products.sku\nada@example.com,Ada,Engine,S1\nnobody,No,,\n")
    return path


MAPPED = ["--map", "First name=firstname", "--item-marker", "products.sku"]


# --- the commands ----------------------------------------------------------------------------------------------------


def test_help_imports_no_client_module() -> None:
    script = (
        "import sys\nfrom mautic_async.__main__ import main\nsys.argv = ['mautic-async', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"loaded = [name for name in {NOT_FOR_HELP!r} if name in sys.modules]\nassert not loaded, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(word in done.stdout for word in ("demo", "import", "serve"))


def test_main_without_the_cli_extra_names_the_install_command() -> None:
    script = "import sys\nsys.modules['typer'] = None\nfrom mautic_async.__main__ import main\nmain()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'mautic-async[cli]'" in done.stderr


def test_main_raises_other_missing_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mautic_async.cli.commands", None)
    with pytest.raises(ModuleNotFoundError):
        __main__.main()


def test_import_stores_rows_over_a_socket_and_its_exit_status_says_partly(site: ServedFake, file: Path) -> None:
    done = CliRunner(env=site.env).invoke(app, ["import", str(file), *MAPPED])
    assert done.exit_code == 1, done.output
    assert "created           1" in done.stdout
    assert "nobody is invalid" in done.stdout
    assert str(file.with_name("people.rejected.csv")) in done.stdout
    names = {row["fields"]["email"]: row["fields"].get("firstname") for row in site.fake.contacts}
    assert names["ada@example.com"] == "Ada"
    again = CliRunner(env=site.env).invoke(app, ["import", str(file.with_name("people.rejected.csv")), *MAPPED])
    assert again.exit_code == 2, again.output


def test_import_reads_standard_input(site: ServedFake) -> None:
    done = CliRunner(env=site.env).invoke(
        app, ["import", "-", "--format", "jsonl"], input='{"email": "s@example.com"}\n'
    )
    assert done.exit_code == 0, done.output
    assert "s@example.com" in {row["fields"]["email"] for row in site.fake.contacts}


def test_import_dry_run_needs_no_credentials(file: Path) -> None:
    done = CliRunner().invoke(app, ["import", str(file), "--dry-run", *MAPPED])
    assert done.exit_code == 0, done.output
    assert "nothing was sent" in done.stdout
    assert "fit to be sent  2" in done.stdout


def test_import_dry_run_names_the_file_of_rejected_rows(file: Path) -> None:
    done = CliRunner().invoke(app, ["import", str(file), "--dry-run", "--map", "First name=points", "--items-append"])
    assert done.exit_code == 2, done.output
    assert "'Ada' is not a whole number" in done.stdout
    assert "people.rejected.csv" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "column 'First name'"),
        ([*MAPPED, "--format", "xml"], "it is csv or jsonl or parquet"),
        (
            [*MAPPED[:2], "--dry-run"],
            "--item-unique products.ATTRIBUTE or --item-marker products.ATTRIBUTE, or --items-append",
        ),
        ([*MAPPED, "--zeros", "keep"], "it is refuse or drop"),
        ([*MAPPED, "--resume"], "--resume needs the journal"),
        ([*MAPPED, "--item-unique", "products.sku"], "is recognised by another option"),
        (MAPPED, "MAUTIC_BASE_URL is not set"),
    ],
)
def test_import_reports_a_fatal_error_in_one_line_and_sends_no_row(
    file: Path, arguments: list[str], words: str
) -> None:
    done = CliRunner(env=dict.fromkeys(("MAUTIC_BASE_URL", "MAUTIC_CLIENT_ID"))).invoke(
        app, ["import", str(file), *arguments] + (["--dry-run"] if not arguments else [])
    )
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")
    assert words in done.stderr
    assert "Traceback" not in done.output


def test_import_requires_the_insecure_flag_for_http_to_another_host(file: Path) -> None:
    env = {"MAUTIC_BASE_URL": "http://mautic.invalid", "MAUTIC_USERNAME": "a", "MAUTIC_PASSWORD": "hidden-word"}
    done = CliRunner(env=env).invoke(app, ["import", str(file), *MAPPED])
    assert done.exit_code == 2
    assert "http" in done.stderr
    assert "hidden-word" not in done.output


def test_import_has_no_option_for_a_credential() -> None:
    text = CliRunner().invoke(app, ["import", "--help"]).stdout.lower()
    assert "mautic_client_secret" in text
    assert not any(option in text for option in ("--password", "--client-secret", "--token ", "--username"))


def test_serve_prints_its_url_and_ends_with_a_signal(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    command = [
        *PYTHON,
        *["serve", "--quiet", "--port", "0", "--client-id", "mine", "--client-secret", "own", "--state"],
        str(state),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        told = dict(server.stdout.readline().strip().split("=", 1) for _ in range(5))
        env = {name: told[name] for name in ("MAUTIC_BASE_URL", "MAUTIC_CLIENT_ID", "MAUTIC_CLIENT_SECRET")}
        assert (env["MAUTIC_CLIENT_ID"], env["MAUTIC_CLIENT_SECRET"]) == ("mine", "own")
        done = CliRunner(env=env).invoke(app, ["import", "-"], input="email\nada@example.com\n")
        server.send_signal(signal.SIGINT)
        _, complaint = server.communicate()
    assert done.exit_code == 0, done.output
    assert (server.returncode, complaint) == (0, "")
    assert state.exists()


async def test_serve_ends_cleanly_when_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    class Output(io.StringIO):
        def flush(self) -> None:
            told.set()

    told, shown = asyncio.Event(), Output()
    monkeypatch.setattr("sys.stdout", shown)
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        server = tasks.create_task(serve_until_cancelled("127.0.0.1", 0, username="me", password="secret"))
        await told.wait()
        server.cancel()
    assert server.result() == 0
    assert "MAUTIC_USERNAME=me\nMAUTIC_PASSWORD=secret\n" in shown.getvalue()


def test_console_script_is_the_main_function(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["mautic-async", "demo", "--rows", "1"])
    with pytest.raises(SystemExit) as caught:
        __main__.main()
    assert caught.value.code == 2
    assert "--rows" in capsys.readouterr().err


def test_ctrl_c_before_the_first_request_is_status_130(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    assert run(interrupted) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize("release", ["5.1", "7.0"])
def test_serve_simulates_the_release_of_mautic_asked_for(release: str) -> None:
    command = [*PYTHON, "serve", "--quiet", "--json", "--port", "0", "--mautic", release]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        variables = json.loads(server.stdout.readline())
        auth = (variables["MAUTIC_USERNAME"], variables["MAUTIC_PASSWORD"])
        answer = httpx.get(variables["MAUTIC_BASE_URL"] + "/api/contacts", auth=auth, trust_env=False)
        server.send_signal(signal.SIGINT)
    assert answer.headers["Mautic-Version"].startswith(release)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--initial", "new"],
        ["--latency", "slow"],
        ["--latency", "1,2,3"],
        ["--mautic", "6"],
        ["--limit", "5", "--mautic", "7.0"],
    ],
)
def test_serve_refuses_unknown_values(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, ["serve", "--port", "0", *arguments])
    assert done.exit_code == 2
    assert done.stderr.startswith(f"error: {arguments[0]}")


def test_serve_latency_is_seconds_a_request_and_a_row() -> None:
    assert parse_latency("") is None
    assert parse_latency("0.5") == 0.5
    assert parse_latency("0.5,0.01") == (0.5, 0.01)
    with pytest.raises(ConfigurationError):
        parse_latency("-1")


def test_import_drains_after_ctrl_c_and_resumes_from_the_journal(site: ServedFake, tmp_path: Path) -> None:
    rows = "".join(f'{{"email": "ctrl{number}@example.com"}}\n' for number in range(20_000))
    (tmp_path / "many.jsonl").write_text(rows)
    options = ["--journal", str(tmp_path / "job.db"), "--batch", "20"]
    command = [*PYTHON, "import", str(tmp_path / "many.jsonl"), *options]
    before = len(site.fake.contacts)
    started = threading.Event()
    site.fake.fail(500, route="contacts/batch/new", after=5, when=lambda _: started.set() or False)  # type: ignore[func-returns-value]
    with subprocess.Popen(
        command, env=os.environ | site.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as job:
        assert started.wait(60)
        job.send_signal(signal.SIGINT)
        shown, said = job.communicate()
    site.fake.faults.clear()
    assert job.returncode == 130, said
    assert "interrupted before the end" in said
    assert "--resume" in said
    stored = int(shown.split("created")[1].split()[0].replace(",", ""))
    assert 0 < stored < 20_000
    assert len(site.fake.contacts) - before == stored
    (tmp_path / "many.jsonl").write_text(rows)
    refused = CliRunner(env=site.env).invoke(app, ["import", str(tmp_path / "many.jsonl"), *options])
    assert refused.exit_code == 2
    assert "interrupted run" in refused.stderr


# --- what is shown ---------------------------------------------------------------------------------------------------


def progress(**given: object) -> Progress:
    settings: dict[str, object] = {
        "report": BulkReport(created=30, updated=5, rejected=2),
        "taken": 50,
        "total": None,
        "sending": 10,
        "awaiting_check": 3,
        "waiting": 0,
        "rate": 12.0,
        "concurrency": 2,
        "batch": 10,
        "oldest": 0.5,
        "paused": 4.0,
        "budget": RateLimitStatus(15, 0, 6.0),
    }
    return Progress(**settings | given)  # type: ignore[arg-type]


def test_progress_lines_are_complete_and_printed_at_intervals(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    screen = ProgressDisplay(lambda: now[0])
    with InputFile(str(file)) as source:
        screen.start(source)
        screen.update(progress(report=BulkReport()))
        now[0] = 11.0
        screen.update(progress())
        screen.update(progress(budget=None))
        screen.stop()
    assert capsys.readouterr().err == (
        "38%, 37 rows, 30 created, 5 updated, 3 to be looked up, 12/s, 2 not stored, 0 of 15 calls left,"
        " waiting 4 s for the rate limit, 0:18 left\n"
    )


def test_progress_bar_is_shown_on_a_terminal(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    for screen in (ProgressDisplay(), ProgressDisplay(total=100)):
        with InputFile(str(file)) as source:
            screen.start(source)
            screen.update(progress(budget=RateLimitStatus(15, 3, 6.0), paused=0.0))
            for _ in source:
                pass
            screen.update(progress(awaiting_check=0))
            screen.stop()
    assert "people.csv" in capsys.readouterr().err
    print_table("Title", [("a", 1), ("b", "[red]two")])
    shown = capsys.readouterr().out
    assert "Title" in shown
    assert "[red]two" in shown


def test_progress_bar_without_a_size_estimates_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115, PTH123 - closed with the test
    with InputFile("-", file_format="jsonl") as source:
        screen = ProgressDisplay()
        screen.start(source)
        screen.update(progress())
        screen.stop()
    sys.stdin.close()


def test_summary_names_only_the_most_frequent_reasons() -> None:
    counts = {f"reason {number:02}": number for number in range(1, 13)}
    lines = reason_lines(counts)
    assert lines[0] == ("  12 x", "reason 12")
    assert lines[-1] == ("  3 x", "2 other reasons")
    assert len(lines) == 11


def test_summary_names_every_count_above_zero() -> None:
    result = ImportResult(BulkReport(created=1, partial=2, unknown=3, resumed=4, unsent=5), refused=6)
    assert dict(result_lines(result)) == {
        "rows read": "12",
        "created": "1",
        "updated": "0",
        "rejected": "6",
        "partial": "2",
        "unknown": "3",
        "resumed": "4",
        "unsent": "5",
        "requests": "0",
        "seconds": "0.0",
    }


def test_guarantee_has_a_line_for_each_object() -> None:
    told = "new custom items: my-orders: once (found by a, b); products: at most once (not sent again); every run adds"
    assert guarantee_lines(told) == [
        ("new my-orders", "once (found by a, b)"),
        ("new products", "at most once (not sent again); every run adds"),
    ]
    assert guarantee_lines("new custom items: at most once") == [("new items", "at most once")]


def test_notes_name_the_next_command() -> None:
    stopped = ImportResult(BulkReport(unknown=2), interrupted=True, error=ConfigurationError("why"))
    assert notes(ImportSettings(file="a.csv", journal=JournalSettings(path=Path("job.db"))), stopped) == [
        "error: why",
        "interrupted before the end",
        "to go on where it stopped: --journal job.db --resume",
        "2 rows may be stored: look in Mautic before you send them again",
        "after a lost answer, --item-unique or --item-marker let new custom items be recognised",
    ]
    assert notes(ImportSettings(file="a.csv"), ImportResult(interrupted=True))[-1] == (
        "to go on where it stopped: next time with --journal FILE"
    )
