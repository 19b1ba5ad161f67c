#!/usr/bin/env python3
"""Starts the APIs of examples/ beside a `latchkey dev`, and calls each with good tokens and with all that must be refused.

    python3 .ci/apis.py [NAME]...

Every API has the same routes: `/` is for everybody, `/me` for every token, `GET /orders` asks for a scope, `DELETE /orders/ID` for a scope and a role.
"""

import base64, concurrent.futures, hashlib, hmac, http.client, json, os, pathlib, secrets, shutil, signal, socket, subprocess, sys, time, urllib.parse, urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent / "clients"))

from page import Page
from processes import Processes
from python import environment
from world import BIN, ROOT, TOOLS, installed, listening, run

EXAMPLES = ROOT / "examples"
SEED = EXAMPLES / "api-seed.json"
# It is published with the program: whoever runs `dev` trusts nobody's signature, and this check can sign what it likes.
DEV_KEY = ROOT / "crates/server/src/dev/known-key.pem"
# How long an API may keep a status list, and how long one counts, in seconds: long enough for all that is asked of every API while the provider hangs.
TTL, LIST_LIFETIME = 5, 60
AUDIENCE = "https://api.example.com"
SECRETS = {client["client_id"]: client["client_secret"] for client in json.loads(SEED.read_text())["clients"]}
CI = bool(os.environ.get("CI"))
SETTINGS_LEFT_OUT = {name: value for name, value in os.environ.items() if not name.startswith("LATCHKEY_")}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def encoded(raw):
    return base64.urlsafe_b64encode(raw if isinstance(raw, bytes) else json.dumps(raw).encode()).rstrip(b"=").decode()


def decoded(part):
    return json.loads(base64.urlsafe_b64decode(part + "=="))


class Provider:
    """A `latchkey dev` with the seed of the examples."""

    def __init__(self, started):
        settings = {"LATCHKEY_TOKENS__STATUS_LIST_TTL": f"{TTL}s", "LATCHKEY_TOKENS__STATUS_LIST_LIFETIME": f"{LIST_LIFETIME}s"}
        self.process = subprocess.Popen([str(BIN / "latchkey"), "dev", "--port", "0", "--no-demo", "--seed", str(SEED)], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, env={**SETTINGS_LEFT_OUT, **settings}, text=True)
        started.running.append(self.process)
        self.told = json.loads(self.process.stdout.readline())
        self.issuer = self.told["issuer"]

    def ask(self, address, data, headers):
        with urllib.request.urlopen(urllib.request.Request(address, data, headers), timeout=30) as answer:
            return json.load(answer)

    def latchkey(self, *command):
        """A command beside it."""
        settings = {"LATCHKEY_ISSUER": self.issuer, "LATCHKEY_DATABASE_URL": self.told["database_url"], "LATCHKEY_KEYS_DIR": self.told["keys_dir"]}
        run([str(BIN / "latchkey"), *command], env={**SETTINGS_LEFT_OUT, **settings})

    def token(self, client, **form):
        basic = base64.b64encode(f"{client}:{SECRETS[client]}".encode()).decode()
        return self.ask(f"{self.issuer}/token", urllib.parse.urlencode(form).encode(), {"Authorization": f"Basic {basic}"})

    def own(self, client):
        """A token of a client that calls in its own name."""
        return self.token(client, grant_type="client_credentials", scope="orders:read")["access_token"]

    def sign_in(self, username, scope):
        """The tokens of a user who signs in to the shop."""
        verifier = secrets.token_urlsafe(48)
        challenge = encoded(hashlib.sha256(verifier.encode()).digest())
        asked = urllib.parse.urlencode({"client_id": "shop", "redirect_uri": "http://localhost/callback", "response_type": "code", "scope": scope,
                                        "state": "x", "code_challenge": challenge, "code_challenge_method": "S256"})
        body = json.dumps({"username": username, "authorization_request": f"{self.issuer}/authorize?{asked}"}).encode()
        back = self.ask(self.told["dev"]["sign_in"], body, {"Content-Type": "application/json"})["redirect_to"]
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(back).query)["code"][0]
        return self.token("shop", grant_type="authorization_code", code=code, redirect_uri="http://localhost/callback", code_verifier=verifier)


def signed(header, claims):
    """A token with any header and claims, by the key of `dev`."""
    text = f"{encoded(header)}.{encoded(claims)}"
    done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", str(DEV_KEY)], input=text.encode(), capture_output=True, check=True)
    return f"{text}.{encoded(done.stdout)}"


class Tokens:
    """What is sent to the APIs."""

    def __init__(self, provider, other):
        everything = "openid roles orders:read orders:write"
        mine = provider.sign_in("alice", everything)
        self.clerk = mine["access_token"]
        self.no_clerk = provider.sign_in("bob", everything)["access_token"]
        self.reader = provider.sign_in("alice", "openid roles orders:read")["access_token"]
        self.no_scope = provider.sign_in("alice", "openid roles")["access_token"]
        self.service = provider.own("report")
        self.sub = next(user["sub"] for user in provider.told["users"] if user["username"] == "alice")
        self.bad = self.refused(provider, other, mine)

    def refused(self, provider, other, mine):
        header, claims, signature = self.clerk.split(".")
        head, said = decoded(header), decoded(claims)
        now = int(time.time())
        with_claims = lambda **more: signed(head, {**said, **more})
        without = lambda name: signed(head, {key: value for key, value in said.items() if key != name})
        pem = subprocess.run(["openssl", "rsa", "-in", str(DEV_KEY), "-pubout"], capture_output=True, check=True).stdout
        symmetric = f"{encoded({**head, 'alg': 'HS256'})}.{claims}"
        return {
            "another API's": provider.own("elsewhere"),
            "another issuer's with the same key": other.own("report"),
            "an ID token": mine["id_token"],
            "an ID token with the API as its audience": signed({**head, "typ": "JWT"}, said),
            "expired": with_claims(exp=now - 10, iat=now - 310),
            "without an end": without("exp"),
            "of nobody": without("sub"),
            "of no client": without("client_id"),
            "not valid yet": with_claims(nbf=now + 600),
            "without a status": without("status"),
            "in no list": with_claims(status={"status_list": {**said["status"]["status_list"], "idx": 1 << 20}}),
            "a status list": urllib.request.urlopen(said["status"]["status_list"]["uri"]).read().decode(),
            "sender-constrained": with_claims(cnf={"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
            "claims changed": f"{header}.{encoded({**said, 'sub': 'root'})}.{signature}",
            "signature changed": f"{header}.{claims}.{signature[:-8]}{'A' * 8}",
            "alg none": f"{encoded({**head, 'alg': 'none'})}.{claims}.",
            "alg HS256 with the public key": f"{symmetric}.{encoded(hmac.digest(pem, symmetric.encode(), 'sha256'))}",
            "a key that it brings along": signed({**head, "kid": "other", "jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}}, said),
            "deep JSON": f"{encoded(b'[' * 2000 + b']' * 2000)}.{claims}.{signature}",
            "no token at all": "x",
        }


class Api:
    """One of the examples: how it is built, and what starts it."""

    def __init__(self, name, build, command, needs=()):
        self.name, self.build, self.command, self.needs = name, build, command, needs
        self.folder = EXAMPLES / name
        self.port = free_port()

    def start(self, started, issuer, built):
        env = {"ISSUER": issuer, "AUDIENCE": AUDIENCE, "PORT": str(self.port), "PYTHONDONTWRITEBYTECODE": "1"}
        self.process = started.start(self.name, [str(part).replace("PORT", str(self.port)) for part in self.command(built)], env, built)

    def wait(self):
        for _ in range(600):
            if listening(self.port):
                return
            assert self.process.poll() is None, "it ended at once"
            time.sleep(0.1)
        raise AssertionError("it does not listen")

    def call(self, method, path, authorization=None):
        """Status, challenge and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, headers={"Authorization": authorization} if authorization is not None else {})
        answer = connection.getresponse()
        said = answer.status, answer.headers["WWW-Authenticate"] or "", answer.read().decode()
        connection.close()
        return said

    def bearer(self, method, path, token):
        return self.call(method, path, f"Bearer {token}")


def copied(name, *files):
    """A folder with the files of an example; for what is built, kept until one of them changes."""
    def copy(folder):
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(EXAMPLES / name / file, folder / file)
    return [EXAMPLES / name / file for file in files], copy


def built_in(name, files, command, **env):
    sources, copy = copied(name, *files)

    def install(folder):
        copy(folder)
        run(command, cwd=folder, env={**os.environ, **env})

    return installed(name, *sources, install=install)


def node():
    return built_in("api-node", ["package.json", "package-lock.json", "api.mjs"], ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"])


def python():
    environment("api-python", EXAMPLES / "api-python" / "requirements.txt")
    return EXAMPLES / "api-python"


def go():
    return built_in("api-go", ["go.mod", "go.sum", "main.go", "status.go"], ["go", "build", "-o", "api", "."], GOCACHE=str(TOOLS / "go-build"), GOTOOLCHAIN="local")


def java():
    sources = sorted(str(path.relative_to(EXAMPLES / "api-java")) for path in (EXAMPLES / "api-java" / "src").rglob("*.*"))
    return built_in("api-java", ["pom.xml", *sources], ["mvn", "--batch-mode", "--quiet", "-DskipTests", "package"])


def rust():
    return EXAMPLES


APIS = [
    Api("api-node", node, lambda _: ["node", "api.mjs"]),
    Api("api-python", python, lambda _: [TOOLS / "clients-api-python/bin/python", "-m", "uvicorn", "api:app", "--port", "PORT"]),
    Api("api-go", go, lambda _: ["./api"], needs=["go"]),
    Api("api-java", java, lambda _: ["java", "-XX:TieredStopAtLevel=1", "-jar", "target/api.jar"], needs=["mvn", "java"]),
    Api("api-actix", rust, lambda _: [BIN / "api-actix"]),
    Api("api-axum", rust, lambda _: [BIN / "api-axum"]),
]


def good_tokens(api, tokens):
    status, _, body = api.bearer("GET", "/me", tokens.clerk)
    assert status == 200, status
    said = json.loads(body)
    assert (said["sub"], said["client_id"]) == (tokens.sub, "shop") and "orders:write" in said["scope"], said
    for token in (tokens.clerk, tokens.no_clerk, tokens.reader, tokens.service):
        assert api.bearer("GET", "/orders", token)[0] == 200
    status, _, body = api.bearer("DELETE", "/orders/7", tokens.clerk)
    assert status == 200 and "7" in body, (status, body)


def no_token(api, tokens):
    """RFC 6750 3.1: who sends nothing gets no error code. What there is not is closed too."""
    assert api.call("GET", "/")[0] == 200, "the route for everybody"
    for method, path, sent in (("GET", "/me", None), ("GET", "/orders", None), ("DELETE", "/orders/7", None), ("GET", "/nothing", None), ("GET", "/me", "Basic YTpi")):
        status, challenge, _ = api.call(method, path, sent)
        assert status == 401 and challenge.startswith("Bearer ") and "error" not in challenge, (method, path, status, challenge)


def bad_tokens(api, tokens):
    """One answer for all: of why it says nothing."""
    heard = {}
    for name, token in tokens.bad.items():
        status, challenge, body = api.bearer("GET", "/me", token)
        assert status == 401 and 'error="invalid_token"' in challenge, f"{name}: {status} {challenge} {body[:200]}"
        assert "error_description" not in challenge, f"{name}: {challenge}"
        heard.setdefault((challenge, body), name)
    assert len(heard) == 1, heard
    assert api.call("GET", "/me", "Bearer")[0] in (400, 401)


def missing_rights(api, tokens):
    for method, path, token, scope in (
        ("GET", "/orders", tokens.no_scope, "orders:read"),
        ("DELETE", "/orders/7", tokens.reader, "orders:write"),
    ):
        status, challenge, _ = api.bearer(method, path, token)
        assert status == 403 and 'error="insufficient_scope"' in challenge and f'scope="{scope}"' in challenge, (status, challenge)
    # What answers GET may answer HEAD, and asks for the same.
    assert api.bearer("HEAD", "/orders", tokens.no_scope)[0] in (403, 404, 405)
    status, challenge, _ = api.bearer("DELETE", "/orders/7", tokens.no_clerk)
    assert status == 403 and 'error="insufficient_scope"' in challenge, f"the user is no clerk: {status} {challenge}"


def readme(api, provider):
    """What stands under "Call it" is run as it stands."""
    page = Page(api.folder / "README.md", [("http://localhost:8080", provider.issuer), ("localhost:9104", f"127.0.0.1:{api.port}")])
    (commands,) = page.commands("curl")
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", commands], capture_output=True, text=True)
    assert done.returncode == 0 and "200" in done.stdout and "orders" in done.stdout, f"{done.stdout} {done.stderr}"


def until_all_refuse(report, words, apis, token, expected, seconds):
    """Asks each until it refuses, and says how long it took; once more at the end, where none may take it again."""
    began, waiting = time.monotonic(), list(apis)
    while waiting and time.monotonic() < began + seconds:
        time.sleep(0.1)
        for api in list(waiting):
            status = api.bearer("GET", "/orders", token)[0]
            if status != 200:
                waiting.remove(api)
                report.check(api, f"{words}, after {time.monotonic() - began:.1f} s", lambda: expect(status, expected))
    for api in waiting:
        report.check(api, words, lambda: expect("200 all the time", expected))
    for api in set(apis) - set(waiting):
        expect(api.bearer("GET", "/orders", token)[0], expected)


def expect(status, expected):
    assert status == expected, f"{status} in place of {expected}"


def session_ends(report, apis, provider):
    """What an administrator ends is refused by every API once the list that it keeps is old, and what others have is not."""
    ended, other = (provider.sign_in("alice", "openid roles orders:read") for _ in range(2))
    for api in apis:
        expect(api.bearer("GET", "/orders", ended["access_token"])[0], 200)
    provider.latchkey("session", "end", decoded(ended["id_token"].split(".")[1])["sid"])
    until_all_refuse(report, "a session that was ended is refused", apis, ended["access_token"], 401, TTL + 3)
    for api in apis:
        report.check(api, "another session goes on", lambda: expect(api.bearer("GET", "/orders", other["access_token"])[0], 200))


def provider_hangs(report, apis, provider, token):
    """It takes connections and says nothing. Whoever calls an API is answered soon all the same: the list that is there counts, and then none."""
    def slowest(api, calls, expected):
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(calls) as callers:
            statuses = set(callers.map(lambda _: api.bearer("GET", "/orders", token)[0], range(calls)))
        seconds = time.monotonic() - began
        assert statuses == {expected} and seconds < 6, f"{statuses} after {seconds:.1f} s"

    os.kill(provider.process.pid, signal.SIGSTOP)
    try:
        time.sleep(TTL + 1)
        for api in apis:
            report.check(api, "50 calls while the provider hangs", lambda: slowest(api, 50, 200))
        until_all_refuse(report, "the status list is too old to decide", apis, token, 503, LIST_LIFETIME + 5)
        for api in apis:
            report.check(api, "50 calls without a list that counts", lambda: slowest(api, 50, 503))
    finally:
        os.kill(provider.process.pid, signal.SIGCONT)
    until = time.monotonic() + 10
    for api in apis:
        while api.bearer("GET", "/orders", token)[0] != 200 and time.monotonic() < until:
            time.sleep(0.1)
        report.check(api, "it recovers with the provider", lambda: expect(api.bearer("GET", "/orders", token)[0], 200))


def provider_away(api, tokens):
    """The keys and the status list are known: good tokens count. What cannot be judged is not let in."""
    assert api.bearer("GET", "/orders", tokens.reader)[0] == 200
    header, claims, _ = tokens.reader.split(".")
    unknown = signed({**decoded(header), "kid": secrets.token_hex(8)}, decoded(claims))
    status = api.bearer("GET", "/orders", unknown)[0]
    assert status in (401, 503), status


class Balancer(Api):
    """Two instances of an API behind nginx, by the file of its example."""

    def __init__(self):
        super().__init__("load-balancer", rust, None, needs=["nginx"])
        self.instances = [Api(f"api-actix-{number}", rust, lambda _: [BIN / "api-actix"]) for number in (1, 2)]

    def start(self, started, issuer, built):
        text = (self.folder / "nginx.conf").read_text()
        for api, port in zip([self, *self.instances], (9104, 9111, 9112)):
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{api.port}")
        for instance in self.instances:
            instance.start(started, issuer, built)
            instance.wait()
        work = pathlib.Path(started.work) / "nginx"
        work.mkdir()
        (work / "nginx.conf").write_text("master_process off;\n" + text)
        self.process = started.start("nginx", ["nginx", "-p", str(work), "-c", "nginx.conf", "-e", "stderr"])

    def answered(self, token):
        """Status, and which instance."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", "/orders", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status, answer.headers["Instance"]

    def either_takes_any(self, token):
        heard = {self.answered(token) for _ in range(10)}
        assert heard == {(200, f"127.0.0.1:{api.port}") for api in self.instances}, heard

    def neither_takes(self, provider):
        """Within three seconds of the end of a session, and never again."""
        tokens = provider.sign_in("alice", "openid roles orders:read")
        token = tokens["access_token"]
        self.either_takes_any(token)
        provider.latchkey("session", "end", decoded(tokens["id_token"].split(".")[1])["sid"])
        ended = last = time.monotonic()
        while time.monotonic() < ended + 4:
            if self.answered(token)[0] == 200:
                last = time.monotonic()
        assert last - ended < 3, f"taken {last - ended:.1f} s after the end of its session"
        heard = {self.answered(token) for _ in range(200)}
        assert heard == {(401, f"127.0.0.1:{api.port}") for api in self.instances}, heard


def balanced(report, started, provider, tokens):
    balancer = Balancer()
    if report.can_run(balancer):
        balancer.start(started, provider.issuer, rust())
        report.check(balancer, "starts", balancer.wait)
        report.check(balancer, "either instance takes any token", lambda: balancer.either_takes_any(tokens.reader))
        report.check(balancer, "after a forced sign-out neither does", lambda: balancer.neither_takes(provider))


class Report:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def can_run(self, api):
        """Whether its language is installed. In CI a missing one is a failure, elsewhere it is said."""
        missing = [tool for tool in api.needs if not shutil.which(tool)]
        if missing:
            print(f"  {'FAILED' if CI else 'SKIPPED'} {api.name}: {' and '.join(missing)} not installed", flush=True)
            self.failed += CI
            self.skipped += not CI
        return not missing

    def check(self, api, words, action):
        try:
            action()
        except Exception as problem:
            self.failed += 1
            print(f"  FAILED {api.name}: {words}: {type(problem).__name__}: {problem}", flush=True)
        else:
            self.passed += 1
            print(f"  {api.name}: {words}", flush=True)


def main(names):
    report = Report()
    chosen = [api for api in APIS if (not names or api.name in names) and report.can_run(api)]
    with Processes("apis") as started:
        with concurrent.futures.ThreadPoolExecutor(2) as workers:
            built = list(workers.map(lambda api: api.build(), chosen))
        provider, other = Provider(started), Provider(started)
        for api, folder in zip(chosen, built):
            api.start(started, provider.issuer, folder)
        tokens = Tokens(provider, other)
        for api in chosen:
            report.check(api, "starts", api.wait)
            report.check(api, "what its README says", lambda: readme(api, provider))
            report.check(api, "good tokens", lambda: good_tokens(api, tokens))
            report.check(api, "no token", lambda: no_token(api, tokens))
            report.check(api, f"{len(tokens.bad)} bad tokens, one answer", lambda: bad_tokens(api, tokens))
            report.check(api, "a scope or a role that is missing", lambda: missing_rights(api, tokens))
        session_ends(report, chosen, provider)
        if not names or "load-balancer" in names:
            balanced(report, started, provider, tokens)
        provider_hangs(report, chosen, provider, tokens.reader)
        started.stop(provider.process)
        for api in chosen:
            report.check(api, "the provider is away", lambda: provider_away(api, tokens))
        if report.failed:
            raise SystemExit(f"{report.passed} passed, {report.failed} failed, {report.skipped} skipped")
    print(f"{report.passed} passed, 0 failed, {report.skipped} skipped")


if __name__ == "__main__":
    main(sys.argv[1:])
