"""Other people's providers, each set up as its own documentation says."""

import json, pathlib, re, shutil, sys, urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "clients"))

from go import Dex as DexProgram
from world import ROOT, installed, run

SECRET = "a secret + of / the = other side"


class Other:
    """A provider that runs beside Latchkey, whose button is pressed."""

    name = package = ""
    needs = ()  # commands that its language brings
    user, subject = "carol", "carol"
    # Whether "cancel" leads back to us, and whether it says when a user signed in.
    cancels, says_auth_time = True, True

    def __init__(self, world):
        self.world = world
        self.port = world.port()
        self.issuer = f"http://localhost:{self.port}"
        self.callback = f"{world.issuer}/login/upstream/{self.name}/callback"
        self.work = world.work / f"other-{self.name}"
        self.work.mkdir()
        self.keys = 0

    def start(self):
        self.world.start(self.name, self.command(), self.port, self.env(), self.work)

    def stop(self):
        process = self.world.processes.pop(self.name)
        process.kill()
        process.wait()

    def rotate(self):
        """Another key signs from now on, and it alone is published."""
        self.stop()
        self.keys += 1
        self.start()

    def env(self):
        return {}


class OidcProvider(Other):
    """It has an RSA key, then one of P-256; its pages are those for development."""

    name, package, needs = "oidc-provider", "oidc-provider", ("node", "npm")
    email = "carol@there.example"

    def command(self):
        peer = ROOT / "crates/bench/peer"
        sources = peer / "package.json", peer / "package-lock.json"

        def install(folder):
            for source in sources:
                shutil.copy(source, folder)
            run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder)

        packages = installed("oidc-provider", *sources, install=install) / "node_modules"
        if not (self.work / "node_modules").exists():
            (self.work / "node_modules").symlink_to(packages)
            shutil.copy(HERE / "provider.mjs", self.work)
        return ["node", "provider.mjs"]

    def env(self):
        keys = self.work / f"keys-{self.keys}.json"
        if not keys.exists():
            kind = "'rsa',{modulusLength:2048}" if self.keys % 2 == 0 else "'ec',{namedCurve:'P-256'}"
            make = f"console.log(JSON.stringify({{keys:[{{use:'sig',...crypto.generateKeyPairSync({kind}).privateKey.export({{format:'jwk'}})}}]}}))"
            keys.write_text(run(["node", "-e", make]))
        return {"PORT": str(self.port), "CLIENT_SECRET": SECRET, "REDIRECT_URI": self.callback, "KEYS": str(keys)}

    def sign_in(self, browser, page):
        """From its first page to wherever it leads."""
        if form := next((form for form in page.forms if "login" in form["names"]), None):
            page = browser.submit(page, form, login=self.user, password="any")
        if form := next((form for form in page.forms if form["fields"].get("prompt") == "consent"), None):
            page = browser.submit(page, form)
        return page

    def cancel(self, browser, page):
        link = re.search(r'href="([^"]*/abort)"', page.text)
        assert link, page.text[:500]
        return browser.open(urllib.parse.urljoin(page.url, link.group(1)))


class Dex(Other):
    """Keys are made when it starts: its store is in memory."""

    name, package, needs = "dex", "Dex", ("go",)
    user, subject, email = "carol@dex.example", None, "carol@dex.example"
    # "Cancel" ends on a page of its own.
    cancels, says_auth_time = False, False
    # What its own example says of the password "password".
    HASH = "$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W"

    def __init__(self, world):
        super().__init__(world)
        self.issuer += "/dex"

    def command(self):
        settings = {
            "issuer": self.issuer, "storage": {"type": "memory"}, "web": {"http": f"127.0.0.1:{self.port}"}, "enablePasswordDB": True,
            "staticClients": [{"id": "latchkey", "name": "Latchkey", "secret": SECRET, "redirectURIs": [self.callback]}],
            "staticPasswords": [{"email": self.email, "hash": self.HASH, "username": "carol", "userID": "08a8684b-db88-4b73-90a9-3cd1661f5466"}],
        }
        (self.work / "dex.yaml").write_text(json.dumps(settings))
        program = object.__new__(DexProgram)
        program.world = self.world
        return [str(program.program()), "serve", "dex.yaml"]

    def sign_in(self, browser, page):
        if form := next((form for form in page.forms if "password" in form["names"]), None):
            page = browser.submit(page, form, login=self.user, password="password")
        if form := next((form for form in page.forms if form["fields"].get("approval") == "approve"), None):
            page = browser.submit(page, form)
        return page

    def cancel(self, browser, page):
        page = browser.submit(page, next(form for form in page.forms if "password" in form["names"]), login=self.user, password="password")
        return browser.submit(page, next(form for form in page.forms if form["fields"].get("approval") == "rejected"))


OTHERS = [OidcProvider, Dex]
