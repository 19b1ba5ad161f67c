"""Whole servers of the Python world. They take a minute each to install, so that they run with --all only."""

import json, os, re

from javascript import packages
from product import Product
from python import Python, environment
from world import HERE, run


class Server(Python, Product):
    long = True

    @property
    def requirements(self):
        return HERE / f"requirements-{self.page_name}.txt"

    def python(self):
        return str(environment(self.page_name, self.requirements))


class JupyterHub(Server):
    """It shows a user's name and groups, and no more."""

    page_name, package = "jupyterhub", "oauthenticator"
    home, login, logout = "/hub/api/user", "/hub/oauth_login?next=%2Fhub%2Fhome", "/hub/logout"
    refresh = None

    def command(self):
        self.world.latchkey("user", "update", "alice", "--group", "staff")
        self.env["PATH"] = f"{packages()}/node_modules/.bin:{self.world.env['PATH']}"
        inner = [f"http://127.0.0.1:{self.world.port()}" for _ in range(2)]
        return [self.python(), "-m", "jupyterhub", f"--JupyterHub.bind_url=http://127.0.0.1:{self.port}", f"--JupyterHub.hub_bind_url={inner[0]}",
                f"--ConfigurableHTTPProxy.api_url={inner[1]}", "--JupyterHub.redirect_to_server=False"]

    def expect_user(self, page):
        seen = json.loads(page.text)
        assert (seen["name"], seen["groups"]) == ("alice", ["staff"]), seen

    def expect_signed_out(self):
        page = self.browser.open(self.url + self.home)
        assert page.status == 403, f"the hub still knows the user: {page.text[:500]}"
        page = self.begin()
        assert page.form("password"), f"Latchkey still knows the user: {page.url}: {page.text[:500]}"


class Synapse(Server):
    """A Matrix client asks for a token of the homeserver's own."""

    page_name, package = "synapse", "matrix-synapse"
    refresh = sign_out = None

    def command(self):
        homeserver = [self.python(), "-m", "synapse.app.homeserver", "--config-path", "homeserver.yaml"]
        run([*homeserver, "--server-name", "app.example.com", "--generate-config", "--report-stats=no"], cwd=self.work, env=self.world.env)
        generated = self.work / "homeserver.yaml"
        generated.write_text(generated.read_text().replace("port: 8008", f"port: {self.port}"))
        return [*homeserver, "--config-path", "connect.yaml"]

    def begin(self):
        return self.browser.open(f"{self.url}/_matrix/client/v3/login/sso/redirect/oidc-latchkey?redirectUrl=http%3A%2F%2Flocalhost%2Fchat")

    def sign_in(self):
        page = self.browser.follow(self.begin())
        found = re.search(r"loginToken=([^\"&]+)", page.text)
        assert found, f"{page.url}: {page.status} {page.text[:1500]}"
        matrix = f"{self.url}/_matrix/client/v3"
        said = json.loads(self.browser.post_json(f"{matrix}/login", {"type": "m.login.token", "token": found.group(1)}).text)
        assert said["user_id"] == "@alice:app.example.com", said
        ask = lambda path: self.browser.open(f"{matrix}/{path}", headers={"Authorization": f"Bearer {said['access_token']}"}).text
        assert json.loads(ask(f"profile/{said['user_id']}"))["displayname"] == self.world.user["name"]
        assert json.loads(ask("account/3pid"))["threepids"][0]["address"] == self.world.user["email"]


PRODUCTS = [JupyterHub, Synapse]
