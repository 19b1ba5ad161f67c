#!/usr/bin/env python3
"""Signs users in at other people's providers, through a real `latchkey serve`: oidc-provider and Dex.

    python3 .ci/upstreams/run.py [--only NAME]...

For each: the account is made and found again, the user cancels, our secret is wrong, the provider's keys change, it dies and comes back.
"""

import argparse, html, http.server, json, os, pathlib, re, shutil, ssl, subprocess, sys, threading, time, traceback, urllib.error, urllib.parse, urllib.request
from html.parser import HTMLParser

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "clients"))

import browser as browser_module
from others import OTHERS, SECRET
from world import BIN, World

# How long the keys and failures of another side count before it is asked again.
PATIENCE = 30


class Halt(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but not to an address that begins so."""

    def __init__(self):
        self.before = None

    def redirect_request(self, request, body, code, message, headers, address):
        if self.before and address.startswith(self.before):
            raise Halted(address)
        return super().redirect_request(request, body, code, message, headers, address)


class Halted(Exception):
    pass


class Names(HTMLParser):
    """The names of the fields, form by form."""

    def __init__(self, text):
        super().__init__()
        self.forms = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "form":
            self.forms.append(set())
        elif tag == "input" and self.forms:
            self.forms[-1].add(dict(attributes).get("name"))


class Browser(browser_module.Browser):
    def __init__(self, certificate):
        super().__init__(certificate)
        self.halt = Halt()
        tls = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=certificate))
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar), tls, self.halt)

    def open(self, *arguments, **more):
        page = super().open(*arguments, **more)
        for form, names in zip(page.forms, Names(page.text).forms):
            form["names"] = names
        return page


class App(http.server.BaseHTTPRequestHandler):
    """The app that users sign in for: it shows nothing, the browser reads its address."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Story:
    """What is tried with each of them. Each step is a method; they run as they stand."""

    def __init__(self, world, other, app):
        self.world, self.other, self.app = world, other, app

    def latchkey(self, *command, said=None):
        env = {**self.world.env, **self.world.settings}
        done = subprocess.run([BIN / "latchkey", *command], input=said, env=env, cwd=self.world.work, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def settle(self, settings):
        (self.world.work / "settings.json").write_text(json.dumps(settings))
        self.latchkey("upstream", "update", self.other.name, "--from", "settings.json")

    # What a user does.

    def login_page(self, browser, **extra):
        query = {"response_type": "code", "client_id": self.app["client_id"], "redirect_uri": self.app["redirect_uris"][0], "scope": "openid email",
                 "state": "s", "code_challenge": "A" * 43, "code_challenge_method": "S256", **extra}
        return browser.open(f"{self.world.issuer}/authorize?{urllib.parse.urlencode(query)}")

    def press(self, browser, page):
        found = re.search(rf'id="upstream-{self.other.name}" href="([^"]+)"', page.text)
        assert found, f"no button at {page.url}: {page.text[-1500:]}"
        return browser.open(urllib.parse.urljoin(page.url, html.unescape(found.group(1))))

    def new(self):
        return Browser(self.world.certificate)

    def sign_in(self, browser=None, **extra):
        browser = browser or self.new()
        page = self.press(browser, self.login_page(browser, **extra))
        return self.other.sign_in(browser, page)

    def expect_app(self, page):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(page.url).query)
        assert page.url.startswith(self.app["redirect_uris"][0]) and "code" in query, f"{page.url} {page.status}: {page.text[:1500]}"

    def users(self):
        users = json.loads(self.latchkey("user", "list", "--json"))
        users = users if isinstance(users, list) else users["users"]
        return [user for user in users if user.get("email") == self.other.email]

    def expect_error(self, page, reason, logged):
        """A page of ours with a reference, a way back, and the cause in `why`; never a word of the secret."""
        assert page.url.startswith(self.world.issuer) and 'id="error-page"' in page.text, f"{page.url}: {page.text[:1500]}"
        reference = re.search(r'id="error-ref"[^>]*>\s*([^<\s]+)', page.text).group(1)
        said = self.latchkey("why", reference)
        assert reason in said and logged in said, f"why {reference}: {said}"
        assert SECRET not in self.world.log("latchkey", 1_000_000), "the secret is in the log"
        assert re.search(r'href="[^"]*/login[^"]*"', page.text), f"no way back: {page.text}"
        return said

    # The steps.

    def begins_dead(self):
        """Its button leads to a clear page while it is not there."""
        settings = {"trust": {"create": True, "email": "all", "link": "with_proof"}}
        (self.world.work / "settings.json").write_text(json.dumps(settings))
        made = self.latchkey("upstream", "create", self.other.name, "--preset", "oidc", "--issuer", self.other.issuer, "--client-id", "latchkey",
                             "--title", f"Sign in with {self.other.package}", "--from", "settings.json", "--secret-stdin", "--json", said=SECRET)
        assert json.loads(made)["redirect_uri"] == self.other.callback, made
        browser = self.new()
        self.expect_error(self.press(browser, self.login_page(browser)), "UpstreamUnreachable", self.other.name)
        self.other.start()
        self.until(lambda: self.expect_app(self.sign_in()))

    def until(self, action):
        """A failure is remembered for some seconds, and so are keys."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return action()
            except AssertionError:
                if time.monotonic() > end:
                    raise
            time.sleep(2)

    def makes_an_account(self):
        (user,) = self.users()
        self.account = user
        (identity,) = json.loads(self.latchkey("user", "identities", user["username"], "--json"))
        self.subject = identity["subject"]
        assert identity["issuer"] == self.other.issuer and (self.other.subject or self.subject) == self.subject, identity

    def finds_it_again(self):
        self.expect_app(self.sign_in())
        assert [user["sub"] for user in self.users()] == [self.account["sub"]]

    def answers_a_new_sign_in(self):
        """`prompt=login`: it is asked for one, and believed where it says when it was."""
        browser = self.new()
        self.expect_app(self.sign_in(browser))
        page = self.sign_in(browser, prompt="login")
        if self.other.says_auth_time:
            self.expect_app(page)
            return
        self.expect_error(page, "UpstreamNotFresh", "auth_time")
        self.settle({"protocol": {"says_auth_time": False}})
        page = self.login_page(self.new(), prompt="login")
        assert page.form("password") and f"upstream-{self.other.name}" not in page.text, "a button that leads nowhere"

    def is_cancelled(self):
        browser = self.new()
        login = self.login_page(browser)
        page = self.other.cancel(browser, self.press(browser, login))
        if self.other.cancels:
            assert page.form("password") and 'id="login-error"' in page.text, f"{page.url}: {page.text[:1500]}"
            said = re.search(r'id="login-error">([^<]+)', page.text).group(1)
            print(f"    after a cancellation: {said}")
        else:
            page = browser.open(login.url)
        self.expect_app(self.other.sign_in(browser, self.press(browser, page)))

    def is_answered_once(self):
        """The way back counts once, in the browser that was led away."""
        browser, thief = self.new(), self.new()
        back = self.halted(browser)
        self.expect_error_page(thief.open(back))
        page = browser.open(back)
        self.expect_error_page(page)  # The thief has used the state up; nobody is signed in.
        back = self.halted(browser)
        self.expect_app(browser.open(back))
        self.expect_error_page(browser.open(back))

    def expect_error_page(self, page):
        assert 'id="error-page"' in page.text, f"{page.url}: {page.text[:800]}"

    def halted(self, browser):
        """Where the provider sends the browser back to, before it goes there."""
        browser.halt.before = self.other.callback
        try:
            self.sign_in(browser)
        except Halted as halted:
            return str(halted)
        finally:
            browser.halt.before = None
        raise AssertionError("the provider sends the browser nowhere")

    def refuses_a_wrong_secret(self):
        self.latchkey("upstream", "update", self.other.name, "--secret-stdin", said="another")
        self.expect_error(self.sign_in(), "UpstreamRefused", "invalid_client")
        self.latchkey("upstream", "update", self.other.name, "--secret-stdin", said=SECRET)
        self.expect_app(self.sign_in())

    def changes_its_keys(self):
        self.other.rotate()
        began = time.monotonic()
        self.until(lambda: self.expect_app(self.sign_in()))
        print(f"    the new key was known after {time.monotonic() - began:.0f} s")

    def dies_and_comes_back(self):
        browser = self.new()
        back = self.halted(browser)
        self.other.stop()
        self.expect_error(browser.open(back), "UpstreamUnreachable", self.other.name)
        self.other.start()
        self.until(lambda: self.expect_app(self.sign_in()))
        assert [user["sub"] for user in self.users()] == [self.account["sub"]]

    STEPS = ("begins_dead", "makes_an_account", "finds_it_again", "answers_a_new_sign_in", "is_cancelled", "is_answered_once", "refuses_a_wrong_secret",
             "changes_its_keys", "dies_and_comes_back")


def register(world):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", world.port()), App)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    metadata = {"client_name": "An app", "redirect_uris": [f"http://localhost:{server.server_port}/callback"], "trusted": True}
    env = {**world.env, **world.settings}
    made = subprocess.run([BIN / "latchkey", "client", "create", "--from", "-"], input=json.dumps(metadata), env=env, cwd=world.work,
                          capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)


def tell(world, other, app):
    """Whether all steps went well."""
    story = Story(world, other, app)
    for step in Story.STEPS:
        name = f"{other.name}: {step.replace('_', ' ')}"
        try:
            getattr(story, step)()
        except Exception as problem:
            print(f"  FAILED {name}: {type(problem).__name__}: {problem}")
            traceback.print_exc()
            for process in (other.name, "latchkey"):
                print(f"--- {process}\n{world.log(process, 4000)}")
            return False
        print(f"  {name}", flush=True)
    return True


def can_run(other):
    """In CI a language that is not installed is a failure, elsewhere it is said."""
    missing = " and ".join(tool for tool in other.needs if not shutil.which(tool))
    if missing and os.environ.get("CI"):
        sys.exit(f"{other.name}: {missing} not installed")
    if missing:
        print(f"  SKIPPED {other.name}: {missing} not installed", flush=True)
    return not missing


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    only = parser.parse_args().only
    chosen = [other for other in OTHERS if (not only or other.name in only) and can_run(other)]
    world = World()
    try:
        world.begin()
        app = register(world)
        good = [tell(world, make(world), app) for make in chosen]
    finally:
        world.end()
    sys.exit(0 if all(good) else 1)


main()
