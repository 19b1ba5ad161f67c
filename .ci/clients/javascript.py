"""The products of the JavaScript world."""

import json, shutil, sys

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


class Jose(Node, Api):
    page_name = package = "jose"


PRODUCTS = [OpenidClient, Passport, AuthJs, ExpressOpenidConnect, ExpressOpenidConnectHs256, Msal, OidcClientTs, Jose]
