"""The products of the Go world, built with the versions of the go.mod files under go/."""

import base64, http.server, json, re, secrets, shutil, subprocess, threading, time, urllib.parse

from browser import USER
from product import Product
from world import HERE, TOOLS, installed, listening, run

SOURCES = HERE / "go" / "go.mod", HERE / "go" / "go.sum"


class Go(Product):
    needs = ("go",)

    def go(self, *command, cwd):
        # The module proxy is trusted by the system's certificates, not by Latchkey's.
        environment = {name: value for name, value in self.world.env.items() if name != "SSL_CERT_FILE"}
        run(["go", *command], cwd=cwd, env={**environment, "GOCACHE": str(TOOLS / "go-build"), "GOTOOLCHAIN": "local"})


class GoOidc(Go):
    page_name, package = "go-oidc", "go-oidc"

    def version(self):
        return re.search(r"coreos/go-oidc/v3 (\S+)", SOURCES[0].read_text()).group(1)

    def command(self):
        for source in SOURCES:
            shutil.copy(source, self.work)
        self.go("build", "-o", "app", ".", cwd=self.work)
        return ["./app"]


class Program(Go):
    """A whole program: the `tool` of a go.mod, built once and kept."""

    long = True

    def module(self):
        return (HERE / "go" / self.page_name / "go.mod").read_text()

    def program(self):
        folder = HERE / "go" / self.page_name
        package = re.search(r"^tool (\S+)$", self.module(), re.MULTILINE).group(1)
        sources = folder / "go.mod", folder / "go.sum"
        return installed(self.page_name, *sources, install=lambda into: self.go("build", "-o", str(into / "program"), package, cwd=folder)) / "program"


def claims(token):
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


class Upstream(http.server.BaseHTTPRequestHandler):
    """The site behind a proxy: it says what it was told of the user."""

    def do_GET(self):
        told = {name.lower(): value for name, value in self.headers.items() if name.lower().startswith("x-forwarded-")}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Oauth2Proxy(Program):
    """It tells the site behind it the user's subject, address, user name and groups."""

    page_name, package = "oauth2-proxy", "oauth2-proxy"
    login, logout = "/", "/oauth2/sign_out"

    def version(self):
        return re.search(r"oauth2-proxy/v7 (v\S+)$", self.module(), re.MULTILINE).group(1)

    def command(self):
        self.world.latchkey("user", "update", "alice", "--group", "staff")
        self.env["OAUTH2_PROXY_COOKIE_SECRET"] = secrets.token_hex(16)
        self.site = http.server.ThreadingHTTPServer(("127.0.0.1", self.world.port()), Upstream)
        threading.Thread(target=self.site.serve_forever, daemon=True).start()
        return [str(self.program()), "--config", "oauth2-proxy.cfg", "--http-address", f"127.0.0.1:{self.port}", "--cookie-refresh", "3s",
                "--upstream", f"http://127.0.0.1:{self.site.server_port}/", "--pass-access-token"]

    def told(self):
        page = self.browser.open(self.url + self.home)
        assert page.text.startswith("{"), f"{page.url}: {page.status} {page.text[:500]}"
        return json.loads(page.text)

    def expect_user(self, page):
        told = {name: value for name, value in self.told().items() if name != "x-forwarded-access-token"}
        wanted = {"user": self.world.user["sub"], "email": self.world.user["email"], "preferred-username": USER, "groups": "staff"}
        assert wanted.items() <= {name.removeprefix("x-forwarded-"): value for name, value in told.items()}.items(), told

    def sign_ins(self):
        return self.world.log(self.page_name, 1_000_000).count("[AuthSuccess]")

    def refresh(self):
        """By the refresh token: a proxy that refuses what it was given signs in again unseen, by the session at Latchkey."""
        before, sign_ins = self.told()["x-forwarded-access-token"], self.sign_ins()
        time.sleep(4)
        self.expect_user(None)
        assert self.told()["x-forwarded-access-token"] != before, "the same access token as before"
        assert self.sign_ins() == sign_ins, "it was a new sign-in"

    def sign_out(self):
        """The proxy ends the session at Latchkey by itself, with an ID token from a refresh; the next page begins a sign-in."""
        time.sleep(4)
        self.told()  # refreshes; in the answer to the sign-out itself Python's cookie jar would delete first and then set
        page = self.browser.open(self.url + self.logout)
        assert page.form("password"), f"Latchkey still knows the user: {page.url}: {page.text[:500]}"
        self.expect_signed_out()

    def end(self):
        if hasattr(self, "site"):
            self.site.shutdown()
            self.site.server_close()


class Dex(Program):
    """Apps are clients of Dex; the app's part is played here."""

    page_name, package = "dex", "Dex"
    sign_out = None

    def version(self):
        # Dex's releases are not versions of its module; the file says which one it is.
        return re.search(r"// (\S+)$", self.module(), re.MULTILINE).group(1)

    def command(self):
        self.world.latchkey("user", "update", "alice", "--group", "staff")
        return [str(self.program()), "serve", "dex.yaml", "--web-http-addr", f"127.0.0.1:{self.port}"]

    def begin(self):
        query = {"response_type": "code", "client_id": "my-app", "redirect_uri": f"{self.url}/callback", "state": secrets.token_hex(),
                 "scope": "openid profile email groups offline_access"}
        return self.browser.open(f"{self.url}/dex/auth?{urllib.parse.urlencode(query)}")

    def token(self, **form):
        basic = base64.b64encode(b"my-app:a-secret-between-dex-and-the-app").decode()
        answer = self.browser.open(f"{self.url}/dex/token", form, {"Authorization": f"Basic {basic}"})
        assert answer.status == 200, answer.text
        return json.loads(answer.text)

    def expect_claims(self, tokens):
        said = claims(tokens["id_token"])
        for claim in ("email", "name"):
            assert said[claim] == self.world.user[claim], said
        assert said["preferred_username"] == USER and said["groups"] == ["staff"] and said["email_verified"] is True, said
        assert self.world.user["sub"].encode() in base64.urlsafe_b64decode(said["sub"] + "=="), said

    def sign_in(self):
        page = self.browser.follow(self.begin())
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(page.url).query).get("code")
        assert code, f"{page.url}: {page.status} {page.text[:500]}"
        self.tokens = self.token(grant_type="authorization_code", code=code[0], redirect_uri=f"{self.url}/callback")
        self.expect_claims(self.tokens)

    def refresh(self):
        """Dex asks Latchkey: a name that changed meanwhile is in the new token."""
        self.world.latchkey("user", "update", "alice", "--name", "Alice Changed")
        try:
            fresh = self.token(grant_type="refresh_token", refresh_token=self.tokens["refresh_token"])
        finally:
            self.world.latchkey("user", "update", "alice", "--name", self.world.user["name"])
        said = claims(fresh["id_token"])
        assert said["name"] == "Alice Changed", said


class Kubelogin(Program):
    """A command that prints an ID token; the API server's part is played here. It listens while a sign-in is under way."""

    page_name, package = "kubelogin", "kubelogin"
    process = None

    def version(self):
        return re.search(r"int128/kubelogin (v\S+)$", self.module(), re.MULTILINE).group(1)

    def start(self):
        """What kubectl would call, with the arguments of the page; there is no browser to open."""
        block, = self.page.commands("set-credentials")
        arguments = [argument.replace("<client_id>", self.env["CLIENT_ID"]) for argument in re.findall(r"--exec-arg=(\S+)", block)]
        assert arguments[:2] == ["oidc-login", "get-token"], arguments
        self.get_token = [str(self.program()), *arguments[1:], "--skip-open-browser", f"--listen-address=127.0.0.1:{self.port}", "--token-cache-dir=cache"]

    def begin(self, *options):
        log = open(self.world.work / f"{self.page_name}.log", "a", encoding="utf-8")
        self.process = subprocess.Popen([*self.get_token, *options], cwd=self.work, env=self.world.env, stdout=subprocess.PIPE, stderr=log, text=True)
        for _ in range(300):
            if listening(self.port):
                return self.browser.open(self.url)
            assert self.process.poll() is None, "no browser was asked for"
            time.sleep(0.1)
        raise AssertionError("kubelogin does not listen")

    def printed(self, text):
        """What the API server reads in the ID token."""
        self.token = json.loads(text)["status"]["token"]
        said = claims(self.token)
        assert (said["iss"], said["aud"], said["email"]) == (self.world.issuer, self.env["CLIENT_ID"], self.world.user["email"]), said
        assert said["email_verified"] is True, said
        return said

    def sign_in(self):
        run([self.get_token[0], "clean", "--token-cache-dir=cache"], cwd=self.work, env=self.world.env)
        self.world.latchkey("user", "update", "alice", "--group", "staff")
        self.browser.follow(self.begin())
        assert self.printed(self.process.communicate(timeout=30)[0])["groups"] == ["staff"]

    def refresh(self):
        """Without a page, and with the groups of now."""
        before = self.token
        self.world.latchkey("user", "update", "alice", "--group", "staff", "--group", "operators")
        try:
            said = self.printed(run([*self.get_token, "--force-refresh"], cwd=self.work, env=self.world.env, timeout=30))
        finally:
            self.world.latchkey("user", "update", "alice", "--group", "staff")
        assert sorted(said["groups"]) == ["operators", "staff"] and self.token != before, said

    def sign_out(self):
        """After the end of the session the next refresh fails, and the browser is asked for the password."""
        self.world.latchkey("session", "end", claims(self.token)["sid"])
        page = self.begin("--force-refresh")
        assert page.form("password"), f"{page.url}: {page.status} {page.text[:500]}"

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)


PRODUCTS = [GoOidc, Oauth2Proxy, Dex, Kubelogin]
