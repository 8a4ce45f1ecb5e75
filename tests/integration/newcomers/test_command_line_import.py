"""``mautic-async import`` from outside: processes, a socket, a terminal."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from importlib.metadata import requires
from pathlib import Path

import pytest

from mautic_async import Contact, Mautic
from mautic_async.models import Stage
from tests.support.command_line import run, run_on_terminal, serving


@pytest.fixture(scope="module")
def site() -> Iterator[dict[str, str]]:
    with serving("--v2") as variables:
        yield variables


@pytest.fixture
async def mautic(site: dict[str, str]) -> AsyncIterator[Mautic]:
    async with Mautic.from_env(site) as client:
        yield client


async def stored(mautic: Mautic, email: str) -> Contact:
    found = await mautic.contacts.find(email=email, include_custom_objects=True)
    assert found is not None
    return found


def write(folder: Path, text: str, name: str = "people.csv") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_import_names_all_columns_that_lead_nowhere_with_options_to_copy(site: dict[str, str], tmp_path: Path) -> None:
    file = write(tmp_path, "E-Mail;Vorname;Straße;Kundenwert;machines.sku\na@example.com;Ada;;1;x\n")
    done = run(["import", file, "--items-append"], site)
    assert done.returncode == 2
    assert done.stderr.startswith("error: 5 columns cannot be imported:\n")
    assert "column 'Kundenwert': this Mautic has no contact field 'kundenwert'" in done.stderr
    assert "column 'machines.sku': this Mautic has no custom object 'machines'" in done.stderr
    for option in ("E-Mail=email", "Vorname=firstname", "'Straße=address1'", "Kundenwert=", "machines.sku="):
        assert f"\n  --map {option}\n" in done.stderr
    assert "--ignore-unknown" in done.stderr


async def test_import_reads_german_numbers_dates_and_tags(site: dict[str, str], mautic: Mautic, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "E-Mail;Vorname;Notiz;tags;attribution;Seit;products.name;products.sku;products.price\n"
        "german@example.com;Jürgen;egal;vip,neu;1.234,50;24.12.2025;Rad;R1;12,50\n",
    )
    mapping = write(tmp_path, '"E-Mail" = "email"\nVorname = "firstname"\nSeit = "attribution_date"\n', "map.toml")
    options = ["--map-file", mapping, "--ignore-unknown", "--tag-separator", ",", "--decimal", ","]
    objects = ["--item-marker", "products.sku", "--map", "products.price="]
    done = run(["import", file, *options, "--date-format", "%d.%m.%Y", *objects], site)
    assert done.returncode == 0, done.stderr
    assert "columns left out: 'Notiz'" in done.stderr
    contact = await stored(mautic, "german@example.com")
    assert (contact.firstname, set(contact.tags or ())) == ("Jürgen", {"vip", "neu"})
    assert float(contact.attribution or 0) == 1234.5


def test_import_warns_of_a_comma_in_tags(site: dict[str, str], tmp_path: Path) -> None:
    done = run(["import", write(tmp_path, 'email,tags\ncomma@example.com,"a,b"\n')], site)
    assert done.returncode == 0, done.stderr
    assert "1 cells of tags hold a comma, which is part of the tag; to split there: --tag-separator ," in done.stderr


def test_import_refuses_a_comma_in_a_number_field_and_names_the_option(site: dict[str, str], tmp_path: Path) -> None:
    done = run(["import", write(tmp_path, 'email,attribution\ndecimal@example.com,"12,50"\n')], site)
    assert done.returncode == 2
    assert "attribution: '12,50' has a comma: if it is the decimal mark, give --decimal ," in done.stdout


async def test_dry_run_asks_the_server_for_owners_stages_and_objects(
    site: dict[str, str], mautic: Mautic, tmp_path: Path
) -> None:
    await mautic.stages.create(Stage(name="New"))
    rows = [
        {"email": "dry1@example.com", "owner": 99},
        {"email": "dry2@example.com", "stage": 98},
        {"email": "dry3@example.com", "custom_items": [{"object": "machines", "name": "x"}]},
        {"email": "dry4@example.com", "firstname": "Ada"},
    ]
    file = write(tmp_path, "".join(json.dumps(row) + "\n" for row in rows), "rows.jsonl")
    done = run(["import", file, "--dry-run", "--items-append", "--json"], site)
    result = json.loads(done.stdout)
    assert (result["read"], result["rejected"], result["updated"]) == (4, 3, 1)
    assert {reason.split(":")[0] for reason in result["reasons"]} == {"owner", "stage", "custom_items"}
    assert "without a server" not in done.stderr


def test_dry_run_without_a_server_names_the_unchecked(tmp_path: Path) -> None:
    done = run(["import", write(tmp_path, "email,stage\na@example.com,98\n"), "--dry-run"])
    assert done.returncode == 0
    assert "fit to be sent  1" in done.stdout
    assert "checked without a server: whether its fields, custom objects, owners and stages exist" in done.stderr


def test_resume_says_when_there_is_nothing_to_resume(site: dict[str, str], tmp_path: Path) -> None:
    file, journal = write(tmp_path, "email\nresume@example.com\n"), str(tmp_path / "job.db")
    absent = run(["import", file, "--resume", "--journal", journal], site)
    assert (absent.returncode, "nothing to resume" in absent.stderr) == (2, True)
    assert run(["import", file, "--journal", journal], site).returncode == 0
    for _ in range(2):  # saying so must not change the file
        finished = run(["import", file, "--resume", "--journal", journal], site)
        assert finished.returncode == 2
        assert (
            "the run in it is finished; nothing is left to resume; to import the file again: --again" in finished.stderr
        )
    again = run(["import", file, "--resume", "--again", "--journal", journal, "--json"], site)
    assert (again.returncode, json.loads(again.stdout)["updated"]) == (0, 1)


async def test_new_items_without_a_key_are_refused_unless_they_shall_be_appended(
    site: dict[str, str], mautic: Mautic, tmp_path: Path
) -> None:
    file = write(
        tmp_path, "email,orders.name,orders.order-number,products.name,products.sku\nitems@example.com,O,1,P,2\n"
    )
    keyed = ["import", file, "--item-unique", "orders.order-number"]
    refused = run(keyed, site)
    assert refused.returncode == 2
    assert "new items of 'products' would be doubled when the file is imported again" in refused.stderr
    assert "new items of 'orders'" not in refused.stderr
    for _ in range(2):
        appended = run([*keyed, "--items-append"], site)
        assert appended.returncode == 0, appended.stderr
    assert "new orders    effectively once" in appended.stdout
    assert "new products  at most once" in appended.stdout
    items = (await stored(mautic, "items@example.com")).custom_items or []
    assert sorted(item.object for item in items) == ["orders", "products", "products"]


def test_messages_show_letters_as_they_are_and_name_options(site: dict[str, str], tmp_path: Path) -> None:
    rows = '{"email": "jürgen@example.com"}\n{"email": "blank@example.com", "city": null}\n'
    done = run(["import", write(tmp_path, rows, "rows.jsonl")], site)
    assert "'ü'" in done.stdout
    assert "--clear-empty" in done.stdout
    assert "clear=" not in done.stdout


def test_import_refuses_zeros_or_drops_them(site: dict[str, str], tmp_path: Path) -> None:
    file = write(tmp_path, "email,points,attribution\nzero1@example.com,0,5\nzero2@example.com,3,0\n")
    refused = run(["import", file, "--rejected", str(tmp_path / "r.csv")], site)
    assert (refused.returncode, "created           1" in refused.stdout) == (1, True), refused.stdout
    assert "attribution: '0' cannot be written this way" in refused.stdout
    assert "--zeros drop" in refused.stdout
    assert not any(word in refused.stdout for word in ("zeros=", "replace()", "subtract_points"))
    assert run(["import", file, "--zeros", "drop"], site).returncode == 0
    assert run(["import", file, "--zeros", "drop", "--dry-run"]).returncode == 0


def test_html_report_holds_counts_reasons_and_a_picture(site: dict[str, str], tmp_path: Path) -> None:
    rows = "".join(f"html{number}@example.com,1\n" for number in range(600))
    file = write(tmp_path, f"email,points\n{rows}html@example.com,<many>\nnot-an-address,1\n")
    page = tmp_path / "report.html"
    done = run(["import", file, "--html", str(page), *["--batch", "4", "--concurrency", "1"]], site)
    assert done.returncode == 1
    text = page.read_text(encoding="utf-8")
    assert "people.csv" in text
    assert "&lt;many&gt;" in text
    assert "<svg" in text
    assert "<many>" not in text
    assert page.stat().st_mode & 0o777 == 0o600


def test_a_terminal_shows_a_bar_with_the_time_left(site: dict[str, str], tmp_path: Path) -> None:
    rows = "".join(f"bar{number}@example.com\n" for number in range(3000))
    file = write(tmp_path, "email\n" + rows, "many.csv")
    status, shown = run_on_terminal(["import", file, "--batch", "50", "--concurrency", "2"], site)
    assert status == 0, shown
    assert "many.csv" in shown
    assert "left" in shown
    assert "100%" in shown
    assert "created" in shown


def test_verbose_logs_calls_and_version_is_printed(site: dict[str, str], tmp_path: Path) -> None:
    done = run(["import", write(tmp_path, "email\nverbose@example.com\n"), "-vv"], site)
    assert done.returncode == 0
    assert "contacts/batch/new" in done.stderr
    assert run(["--version"]).stdout.startswith("mautic-async 0.")


def test_extra_cli_requires_the_libraries_of_its_commands() -> None:
    needed = [name.partition(">")[0] for name in requires("mautic-async") or () if name.endswith("extra == 'cli'")]
    assert {"typer", "rich", "uvicorn"} <= set(needed)


def test_state_sends_only_rows_that_have_changed(site: dict[str, str], tmp_path: Path) -> None:
    rows = [f"state{number}@example.com,City {number}\n" for number in range(50)]
    command = ["import", write(tmp_path, "email,city\n" + "".join(rows)), "--state", str(tmp_path / "s.db"), "--json"]
    assert json.loads(run(command, site).stdout)["created"] == 50
    write(tmp_path, "email,city\n" + "".join(rows[1:]).replace("City 7\n", "Kiel\n"))
    second = json.loads(run(command, site).stdout)
    assert (second["status"], second["updated"], second["unchanged"], second["vanished"]) == (0, 1, 48, 1)
    assert json.loads(run([*command, "--full"], site).stdout)["updated"] == 49
    refused = run(["import", "x.csv", "--full"], site)
    assert (refused.returncode, "--state FILE" in refused.stderr) == (2, True)


def test_a_proxy_or_authority_that_is_absent_is_named(site: dict[str, str], tmp_path: Path) -> None:
    file = write(tmp_path, "email\nproxy@example.com\n")
    secure = {**site, "MAUTIC_BASE_URL": "https://localhost:9"}
    proxied = run(["import", file, "--proxy", "http://127.0.0.1:8"], secure)
    assert proxied.returncode == 2
    assert "127.0.0.1:8" in proxied.stderr
    untrusted = run(["import", file, "--ca", str(tmp_path / "none.pem")], secure)
    assert untrusted.returncode == 2
    assert "none.pem" in untrusted.stderr


def test_a_row_without_key_is_told_without_parameters_of_python(site: dict[str, str], tmp_path: Path) -> None:
    file = write(tmp_path, "email,firstname\n,Ada\n")
    done = run(["import", file, "--dry-run", "--json"], site)
    (reason,) = json.loads(done.stdout)["reasons"]
    assert reason.endswith("every request creates another contact")
