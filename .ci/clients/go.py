"""The products of the Go world, built with the versions of the go.mod files under go/."""

import http.server, json, re, secrets, shutil, threading, time

from browser import USER
from product import Product
from world import HERE, TOOLS, installed, run

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
        # Every page after a second refreshes, as one after `cookie_refresh` does; the token shows that it was.
        return [str(self.program()), "--config", "oauth2-proxy.cfg", "--http-address", f"127.0.0.1:{self.port}", "--cookie-refresh", "1s",
                "--upstream", f"http://127.0.0.1:{self.site.server_port}/", "--pass-access-token"]

    def told(self):
        page = self.browser.open(self.url + self.home)
        assert page.text.startswith("{"), f"{page.url}: {page.status} {page.text[:500]}"
        return json.loads(page.text)

    def expect_user(self, page):
        told = {name: value for name, value in self.told().items() if name != "x-forwarded-access-token"}
        wanted = {"user": self.world.user["sub"], "email": self.world.user["email"], "preferred-username": USER, "groups": "staff"}
        assert wanted.items() <= {name.removeprefix("x-forwarded-"): value for name, value in told.items()}.items(), told

    def refresh(self):
        before = self.told()["x-forwarded-access-token"]
        time.sleep(2)
        self.expect_user(None)
        assert self.told()["x-forwarded-access-token"] != before, "the same access token as before"

    def sign_out(self):
        """The proxy ends the session at Latchkey by itself; the next page begins a sign-in."""
        page = self.browser.open(self.url + self.logout)
        assert page.form("password"), f"Latchkey still knows the user: {page.url}: {page.text[:500]}"
        self.expect_signed_out()

    def end(self):
        if hasattr(self, "site"):
            self.site.shutdown()
            self.site.server_close()


PRODUCTS = [GoOidc, Oauth2Proxy]
