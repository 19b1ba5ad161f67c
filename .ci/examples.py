"""Runs every example against a real `latchkey serve` through a full sign-in, with nothing but what a browser has."""

import base64, http.cookiejar, http.server, json, os, re, subprocess, sys, threading, time, urllib.error, urllib.parse, urllib.request

from processes import Processes

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.path.join(ROOT, os.environ.get("CARGO_TARGET_DIR", "target"), "debug")
ISSUER = "http://localhost:9100"
SECRET = "example-secret-0123456789-abcdefghijk"


def start(name, command, env, folder=ROOT):
    print(f"  starting {name}", flush=True)
    return started.start(name, command, env, folder)


def wait(address, seconds=60):
    for _ in range(seconds * 5):
        try:
            urllib.request.build_opener(NoRedirect).open(address, timeout=2)
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
    sys.exit(f"{address} does not answer")


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def latchkey(*command, stdin=""):
    done = subprocess.run([f"{BIN}/latchkey", *command], input=stdin, env={**os.environ, **settings}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"latchkey {command}: {done.stderr}")
    return done.stdout


class StopAtCallback(urllib.request.HTTPRedirectHandler):
    """Keeps the answer to the app from being delivered."""

    def redirect_request(self, request, file, code, message, headers, address):
        if "/callback?" in address:
            raise Answered(address)
        return super().redirect_request(request, file, code, message, headers, address)


class Answered(Exception):
    pass


def new_browser(*handlers):
    return urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()), *handlers)


def sign_in(address, browser=None):
    """Signs in as a user does: follows links, fills forms."""
    browser = browser or new_browser()
    page = browser.open(address)
    for _ in range(4):
        text = page.read().decode()
        if text.startswith("signed in:"):
            return text.strip()
        fields = {"csrf": re.search(r'name="csrf" value="([^"]+)"', text).group(1)}
        if 'id="password"' in text:
            fields |= {"username": "alice", "password": "correct horse"}
        else:
            fields |= {"decision": "allow"}
        page = browser.open(page.url, urllib.parse.urlencode(fields).encode())
    sys.exit(f"{address}: no end")


def answer_for(address):
    """A browser that has signed in, and the answer for the app, not delivered yet."""
    browser = new_browser(StopAtCallback)
    try:
        sign_in(address, browser)
    except Answered as answered:
        return browser, answered.args[0]
    sys.exit(f"{address}: no answer")


def refused(browser, address):
    try:
        said = browser.open(address).read().decode()
    except urllib.error.HTTPError as error:
        assert error.code == 400, f"{address}: {error.code}"
        return
    sys.exit(f"{address} is not refused: {said}")


def keeps_visitors_apart(address):
    """An answer is good in the browser that asked for it, from the issuer that it asked, and nowhere else."""
    _, answer = answer_for(address)
    refused(new_browser(), answer)
    other, _ = answer_for(address)
    refused(other, answer)
    browser, answer = answer_for(address)
    refused(browser, re.sub("iss=[^&]*", "iss=https%3A%2F%2Fother.example", answer))
    browser, answer = answer_for(address)
    refused(browser, re.sub("&?iss=[^&]*", "", answer))
    browser, answer = answer_for(address)
    assert browser.open(answer).read().decode().startswith("signed in:"), "the answer itself is good"


class StubIssuer(http.server.BaseHTTPRequestHandler):
    """Has no keys, and counts who asks for them."""

    fetches = 0

    def do_GET(self):
        StubIssuer.fetches += self.path == "/keys"
        body = b'{"keys":[]}' if self.path == "/keys" else b'{"jwks_uri":"http://localhost:9105/keys"}'
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def call(token):
    try:
        request = urllib.request.Request("http://localhost:9104/", headers={"Authorization": f"Bearer {token}"})
        return urllib.request.urlopen(request, timeout=20).status
    except urllib.error.HTTPError as error:
        return error.code


def asks_seldom_for_unknown_keys():
    """Strangers choose the `kid` of what they send: the API asks for the keys once in five seconds, not for each."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 9105), StubIssuer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    api = start("api", [f"{BIN}/resource-server-rust"], {"ISSUER": "http://localhost:9105"})
    wait("http://localhost:9104/")
    began = time.monotonic()
    for number in range(60):
        head = json.dumps({"alg": "RS256", "typ": "at+jwt", "kid": f"unknown-{number}"}).encode()
        assert call(base64.urlsafe_b64encode(head).decode().rstrip("=") + ".e30.AAAA") == 401
    most = 1 + int((time.monotonic() - began) / 5)
    assert 1 <= StubIssuer.fetches <= most, f"{StubIssuer.fetches} fetches for 60 unknown keys, where {most} are allowed"
    print(f"  60 tokens with unknown keys: {StubIssuer.fetches} fetch of the key set", flush=True)
    started.stop(api)
    server.shutdown()


with Processes("examples") as started:
    settings = {
        "LATCHKEY_ISSUER": ISSUER,
        "LATCHKEY_LISTEN": "127.0.0.1:9100",
        "LATCHKEY_DATABASE_URL": f"sqlite://{started.work}/latchkey.db",
        "LATCHKEY_KEYS_DIR": f"{started.work}/keys",
    }
    start("latchkey", [f"{BIN}/latchkey", "serve"], settings)
    wait(f"{ISSUER}/readyz")
    subject = json.loads(latchkey("user", "create", "alice", "--email", "alice@example.org", "--password-stdin", "--json", stdin="correct horse"))["sub"]
    client = {
        "client_id": "example", "client_secret": SECRET, "client_name": "Example",
        "redirect_uris": [f"http://localhost:{port}/callback" for port in (9101, 9102, 9103)],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"], "audience": ["http://localhost:9104"],
    }
    latchkey("client", "create", "--from", "-", stdin=json.dumps(client))
    env = {"ISSUER": ISSUER, "CLIENT_ID": "example", "CLIENT_SECRET": SECRET}
    start("rust", [f"{BIN}/relying-party-rust"], env)
    start("node", ["node", "index.js"], env, f"{ROOT}/examples/relying-party-node")
    start("python", [os.environ.get("EXAMPLE_PYTHON", sys.executable), "app.py"], env, f"{ROOT}/examples/relying-party-python")
    asks_seldom_for_unknown_keys()
    start("api", [f"{BIN}/resource-server-rust"], env)
    for name, port in (("openidconnect (Rust)", 9101), ("openid-client (Node)", 9102), ("Authlib (Python)", 9103)):
        wait(f"http://localhost:{port}/")
        said = sign_in(f"http://localhost:{port}/")
        assert said == f"signed in: {subject} alice@example.org", said
        keeps_visitors_apart(f"http://localhost:{port}/")
        print(f"  {name}: {said}; other visitors' answers and other issuers' are refused", flush=True)

    wait("http://localhost:9104/")
    basic = base64.b64encode(f"example:{SECRET}".encode()).decode()
    form = urllib.parse.urlencode({"grant_type": "client_credentials"}).encode()
    request = urllib.request.Request(f"{ISSUER}/token", form, {"Authorization": f"Basic {basic}"})
    token = json.load(urllib.request.urlopen(request))["access_token"]

    assert (call(token), call(token[:-6] + "AAAAAA"), call("x")) == (200, 401, 401)
    kept = json.loads(latchkey("key", "list", "--json"))
    latchkey("key", "rotate", "--now")
    time.sleep(6)
    token = json.load(urllib.request.urlopen(request))["access_token"]
    kid = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))["kid"]
    assert kid != kept[0]["kid"], "a rotation reaches a running server within a second"
    assert call(token) == 200, "the API fetches the new key"
    print("  jsonwebtoken (Rust API): verified, also after a key rotation", flush=True)
    print("9 passed, 0 failed")
