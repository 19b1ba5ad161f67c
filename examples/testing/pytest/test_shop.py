"""How the app signs users in, and what it does when tokens end and answers are lost."""

import pytest

from shop import create_app


@pytest.fixture
def browser(provider):
    client = provider.told["clients"][0]
    return create_app(provider.issuer, client["client_id"], client["client_secret"]).test_client()


@pytest.fixture
def alice(browser, provider):
    """A browser in which alice is signed in to the app."""
    browser.get(provider.sign_in("alice", browser.get("/login").location))
    return browser


def test_a_stranger_is_asked_to_sign_in(browser):
    assert browser.get("/me").status_code == 401


def test_a_user_signs_in(alice):
    assert alice.get("/me").json["email"] == "alice@example.org"


def test_an_answer_for_another_browser_is_refused(browser, provider):
    answer = provider.sign_in("alice", browser.get("/login").location)
    assert browser.application.test_client().get(answer).status_code == 400


def test_an_expired_access_token_is_renewed(alice, provider):
    provider.advance("6m")
    assert alice.get("/me").status_code == 200


def test_a_lost_answer_signs_nobody_out(alice, provider):
    provider.advance("6m")
    provider.fail("token_endpoint", "lost")
    assert alice.get("/me").status_code == 200


def test_who_was_away_for_too_long_signs_in_again(alice, provider):
    provider.advance("31d")
    assert alice.get("/me").status_code == 401


def test_a_provider_that_is_down_signs_nobody_out(alice, provider):
    provider.fail("userinfo_endpoint", "status", status=503)
    assert alice.get("/me").status_code == 503
    assert alice.get("/me").status_code == 200
