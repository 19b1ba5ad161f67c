"""The products of the JavaScript world."""

import html, json, re, shutil, subprocess, sys, time

from selenium.webdriver.common.by import By

from chromium import Chromium
from product import Api, Hs256, Product
from world import HERE, installed, run

SOURCES = HERE / "node" / "package.json", HERE / "node" / "package-lock.json"


def packages():
    def install(folder):
        for source in SOURCES:
            shutil.copy(source, folder)
        run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder)

    return installed("node", *SOURCES, install=install)


class Node:
    """`node app.mjs`, with the packages of the lock file."""

    def version(self):
        return json.loads(SOURCES[1].read_text())["packages"][f"node_modules/{self.package}"]["version"]

    def folder(self):
        folder = super().folder()
        (folder / "node_modules").symlink_to(packages() / "node_modules")
        return folder

    def command(self):
        return ["node", "app.mjs"]


class OpenidClient(Node, Product):
    page_name = package = "openid-client"


class Passport(Node, Product):
    page_name, package = "passport", "passport-openidconnect"


class AuthJs(Node, Product):
    """Signing in is a form with an anti-forgery token of Auth.js' own."""

    page_name, package = "authjs", "@auth/express"

    def begin(self):
        token = json.loads(self.browser.open(f"{self.url}/auth/csrf").text)["csrfToken"]
        return self.browser.open(f"{self.url}/auth/signin/latchkey", {"csrfToken": token, "callbackUrl": f"{self.url}/"})

    def refresh(self):
        """`update` of the session refreshes at once, as does any use shortly before the access token expires."""
        before = json.loads(self.browser.open(f"{self.url}/auth/session").text)
        token = json.loads(self.browser.open(f"{self.url}/auth/csrf").text)["csrfToken"]
        after = json.loads(self.browser.post_json(f"{self.url}/auth/session", {"csrfToken": token, "data": {}}).text)
        assert after["until"] > before["until"] and after["user"] == before["user"], (before, after)


class ExpressOpenidConnect(Node, Product):
    page_name = package = "express-openid-connect"

    def sign_out(self):
        self.forced_sign_out(204)
        self.sign_in()
        super().sign_out()


class ExpressOpenidConnectHs256(Hs256, ExpressOpenidConnect):
    """Its library verifies the signature, and refuses every other algorithm."""

    setting = "authRequired: false,", "authRequired: false,\n  idTokenSigningAlg: 'HS256',"
    # It looks for the key of a logout token in the published set.
    sign_out = Product.sign_out


class Msal(Node, Product):
    page_name, package = "msal", "@azure/msal-node"


class OidcClientTs(Node, Product):
    """Files on a web server of another site than Latchkey's, in Chromium."""

    page_name = package = "oidc-client-ts"
    host = "127.0.0.1"

    def folder(self):
        folder = super().folder()
        shutil.copy(folder / "node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js", folder)
        return folder

    def command(self):
        return [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(self.port)]

    def set_up(self):
        super().set_up()
        self.browser = None

    def sign_in(self):
        self.end()
        self.browser = Chromium()
        self.browser.open(f"{self.url}/")
        self.browser.press("login")
        self.browser.sign_in(self.world.issuer)
        self.expect_shown()

    def expect_shown(self):
        user = self.world.user
        wanted = f"signed in: {user['sub']} {user['email']} {user['name']}"
        try:
            self.browser.wait(lambda: self.browser.text("user") == wanted)
        except Exception:
            at = self.browser.driver.current_url
            raise AssertionError(f"at {at}: {self.browser.text('user')!r} {self.browser.console()}") from None

    def access_token(self):
        return self.browser.driver.execute_script("return users.getUser().then((user) => user.access_token)")

    def refresh(self):
        before = self.access_token()
        self.browser.press("refresh")
        self.expect_shown()
        assert self.access_token() != before, "no new access token"

    def rotation(self):
        self.sign_in()

    def sign_out(self):
        self.browser.press("logout")
        self.browser.wait(lambda: self.browser.text("user") == "signed out")
        self.browser.press("login")
        self.browser.wait(lambda: self.browser.driver.find_element(By.ID, "password"))

    def end(self):
        if self.browser:
            self.browser.close()


class AppAuth(Node, Product):
    """A desktop app: it opens a browser, which this one is, and ends by itself. Its settings are those that the console shows."""

    page_name, package = "appauth", "@openid/appauth"
    host = "127.0.0.1"
    recipe = "AppAuth (Electron, Node.js)"

    def start(self):
        self.work.joinpath("settings.mjs").write_text(self.settings_of_the_console(), encoding="utf-8")
        bundle = ["--bundle", "--platform=node", "--drop:console", "--log-level=warning", "--outfile=app.cjs"]
        run([str(self.work / "node_modules/.bin/esbuild"), "app.mjs", *bundle], cwd=self.work)
        opens = self.work / "bin" / "xdg-open"
        opens.parent.mkdir()
        opens.write_text(f'#!/bin/sh\nprintf %s "$1" >"{self.work}/asked.new" && mv "{self.work}/asked.new" "{self.work}/asked"\n')
        opens.chmod(0o755)

    def settings_of_the_console(self):
        """As an administrator sees them, on the page of the app."""
        self.world.shell("printf %s 'a password of ada' | latchkey user create ada --role admin --password-stdin")
        administrator = self.world.browser()
        page = administrator.open(f"{self.world.issuer}/admin/clients/{self.env['CLIENT_ID']}/connect")
        page = administrator.submit(page, page.form("password"), "sign-in", username="ada", password="a password of ada")
        shown = page.text.split(f"<h2>{self.recipe}</h2>")[1]
        return html.unescape(re.search(r"<pre[^>]*>(.*?)</pre>", shown, re.DOTALL).group(1))

    def sign_in(self):
        asked = self.work / "asked"
        asked.unlink(missing_ok=True)
        env = {**self.world.env, **self.env, "PATH": f"{self.work}/bin:{self.world.env['PATH']}"}
        app = subprocess.Popen(["node", "app.cjs"], cwd=self.work, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            until = time.monotonic() + 30
            while not asked.exists():
                assert time.monotonic() < until and app.poll() is None, f"it opens no browser: {app.stdout.read() if app.poll() is not None else ''}"
                time.sleep(0.05)
            page = self.browser.follow(self.browser.open(asked.read_text()))
            assert "Close your browser" in page.text, f"{page.url}: {page.text[:500]}"
            self.said = app.communicate(timeout=30)[0].splitlines()
        finally:
            app.kill()
        self.expect_said("signed in: ")

    def expect_said(self, begin):
        user = self.world.user
        assert f"{begin}{user['sub']} {user['email']} {user['name']}" in self.said, self.said

    def refresh(self):
        self.expect_said("refreshed: ")

    def sign_out(self):
        """The tokens that it revoked are refused."""
        assert self.said[-1] == "signed out: 401", self.said


class Jose(Node, Api):
    page_name = package = "jose"


PRODUCTS = [OpenidClient, Passport, AuthJs, ExpressOpenidConnect, ExpressOpenidConnectHs256, Msal, OidcClientTs, AppAuth, Jose]
