from __future__ import annotations

import pytest

from mautic_async import (
    Company,
    ConfigurationError,
)
from tests.support.canned_client import run_with_answers


def test_companies_create_refuses_a_known_name_and_names_the_alternative() -> None:
    known = {"id": 4, "fields": {"all": {"companyname": "ACME"}}}
    with pytest.raises(ConfigurationError, match=r"'Acme' is company 4, .* wipe .*edit\(4, ...\), or upsert\(\)"):
        run_with_answers(
            {"GET companies": {"total": "1", "companies": {"4": known}}},
            lambda mautic: mautic.companies.create(Company(companyname="Acme")),
        )


def test_companies_upsert_edits_a_known_company_and_creates_an_unknown_one() -> None:
    known = {"id": 4, "fields": {"all": {"companyname": "Acme"}}}
    company = Company(companyname="Acme", companycity=None, companynumber_of_employees=0)
    for held, way in (({"4": known}, "PATCH companies/4/edit"), ({}, "POST companies/new")):
        stored, server = run_with_answers(
            {"GET companies": {"total": "1", "companies": held}, way: {"company": {"id": 4}}},
            lambda mautic: mautic.companies.upsert(company),
        )
        assert stored.id == 4
        assert server.calls == ["GET companies", way]
        assert server.last.body == {"companyname": "Acme", "companycity": None, "companynumber_of_employees": 0}


@pytest.mark.parametrize("company", [Company(), Company(companyname=" "), Company(companycity="London")])
def test_companies_upsert_refuses_a_company_without_a_name(company: Company) -> None:
    with pytest.raises(ConfigurationError, match="companyname"):
        run_with_answers({}, lambda mautic: mautic.companies.upsert(company))


def test_companies_upsert_with_an_id_is_an_edit() -> None:
    _, server = run_with_answers(
        {"PATCH companies/4/edit": {"company": {"id": 4}}},
        lambda mautic: mautic.companies.upsert(Company(id=4, companycity="London")),
    )
    assert server.calls == ["PATCH companies/4/edit"]


def test_companies_accept_a_user_class() -> None:
    class Account(Company):
        pass

    found, _ = run_with_answers(
        {"GET companies/4": {"company": {"id": 4}}}, lambda mautic: mautic.companies.of(Account).get(4)
    )
    assert type(found) is Account


def test_companies_find_accepts_any_field() -> None:
    rows = {"4": {"id": 4, "fields": {"all": {"vat": "X1"}}}}
    found, _ = run_with_answers({"GET companies": {"companies": rows}}, lambda mautic: mautic.companies.find(vat="x1"))
    assert found.id == 4
    for wrong in ({}, {"vat": ""}, {"vat": "1", "companyname": "2"}):
        with pytest.raises(ConfigurationError, match="one field"):
            run_with_answers({}, lambda mautic, given: mautic.companies.find(**given), wrong)
