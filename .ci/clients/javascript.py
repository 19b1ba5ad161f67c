"""The products of the JavaScript world."""

import json, shutil

from product import Api, Product
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


class Msal(Node, Product):
    page_name, package = "msal", "@azure/msal-node"


class Jose(Node, Api):
    page_name = package = "jose"


PRODUCTS = [OpenidClient, Passport, AuthJs, ExpressOpenidConnect, Msal, Jose]
