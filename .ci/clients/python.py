"""The products of the Python world, and the environment that this program itself runs in."""

import base64, json, os, pathlib, re, sys, urllib.parse

from product import Api, Hs256, Product
from world import HERE, installed, run


def environment(name, requirements):
    """A virtual environment with these packages; its `python`."""
    def install(folder):
        run([sys.executable, "-m", "venv", str(folder)])
        run([str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)])

    return installed(name, requirements, install=install) / "bin" / "python"


def enter():
    """Goes on in the environment of the Python products, which holds selenium too."""
    python = environment("python", HERE / "requirements.txt")
    if pathlib.Path(sys.prefix).resolve() != python.parent.parent.resolve():
        os.execv(python, [str(python), *sys.argv])


SESSIONS = """
from django.contrib.sessions.models import Session
def change(f):
    for session in Session.objects.all():
        data = session.get_decoded()
        f(data)
        session.session_data = Session.objects.encode(data)
        session.save()
"""


class Python:
    requirements = HERE / "requirements.txt"

    def version(self):
        return re.search(rf"^{re.escape(self.package)}==(\S+)$", self.requirements.read_text(), re.MULTILINE).group(1)


class Flask(Python):
    def command(self):
        return [sys.executable, "-m", "flask", "run", "--port", str(self.port)]


class Authlib(Flask, Product):
    page_name, package = "authlib", "Authlib"


class RequestsOauthlib(Flask, Product):
    page_name = package = "requests-oauthlib"

    def set_up(self):
        self.env["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # here the app itself is on plain http
        super().set_up()


class PyJwt(Flask, Api):
    page_name, package = "pyjwt", "PyJWT"


class Django(Python):
    """A new project, with the files of the page. Its home page has the form that signs out."""

    logout = "/"

    def folder(self):
        folder = super().folder()
        run([sys.executable, "-m", "django", "startproject", "mysite", "."], cwd=folder)
        with open(folder / "mysite" / "settings.py", "a", encoding="utf-8") as settings:
            settings.write("\nfrom .connect import *\n")
        return folder

    def run_manage(self, *command):
        return run([sys.executable, "manage.py", *command], cwd=self.work, env={**self.world.env, **self.env})

    def command(self):
        self.run_manage("migrate", "--verbosity", "0")
        return [sys.executable, "manage.py", "runserver", "--noreload", str(self.port)]


class MozillaDjangoOidc(Django, Product):
    page_name = package = "mozilla-django-oidc"
    login = "/oidc/authenticate/"

    def refresh(self):
        """When its time is over the next page goes by Latchkey, with `prompt=none`, and comes back."""
        self.run_manage("shell", "--verbosity", "0", "-c", f"{SESSIONS}change(lambda data: data.update(oidc_id_token_expiration=0))")
        self.expect_user(self.browser.open(self.url + self.home))
        left = self.run_manage("shell", "--verbosity", "0", "-c", f"{SESSIONS}print([s.get_decoded()['oidc_id_token_expiration'] for s in Session.objects.all()])")
        assert left.strip() not in ("[]", "[0]"), left


class MozillaDjangoOidcHs256(Hs256, MozillaDjangoOidc):
    """Its own default, which verifies the signature with the secret."""

    setting = 'OIDC_RP_SIGN_ALGO = "RS256"', 'OIDC_RP_SIGN_ALGO = "HS256"'


class DjangoAllauth(Django, Product):
    page_name = package = "django-allauth"
    login = "/accounts/oidc/latchkey/login/"
    refresh = None

    def begin(self):
        page = self.browser.open(self.url + self.login)
        return self.browser.submit(page, next(form for form in page.forms if "csrfmiddlewaretoken" in form["fields"]))


class Recipes(Flask, Product):
    """An API that introspects, and an app whose tokens have several audiences; the app's part is played here."""

    page_name = "recipes"
    package = rotation = sign_out = None

    def set_up(self):
        self.clients = []
        super().set_up()

    def registered(self, client):
        self.clients.append(client)
        self.env.setdefault("API_SECRET", client["client_secret"])

    def token(self, **form):
        shop = self.clients[1]
        form |= {"client_id": shop["client_id"], "client_secret": shop["client_secret"]}
        answer = self.browser.open(f"{self.world.issuer}/token", form)
        assert answer.status == 200, answer.text
        return json.loads(answer.text)

    def tokens(self):
        back = f"{self.url}/callback"
        query = {"response_type": "code", "client_id": self.clients[1]["client_id"], "redirect_uri": back, "scope": "openid email offline_access"}
        page = self.browser.follow(self.browser.open(f"{self.world.issuer}/authorize?{urllib.parse.urlencode(query)}"))
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(page.url).query)["code"][0]
        return self.token(grant_type="authorization_code", code=code, redirect_uri=back)

    def call(self, address, token):
        return self.browser.open(address, headers={"Authorization": f"Bearer {token}"})

    def sign_in(self):
        """The token is good at the API and at UserInfo, until the session ends: then it is refused at once."""
        tokens = self.tokens()
        access = tokens["access_token"]
        assert self.world.user["sub"] in self.call(self.url, access).text
        assert self.call(f"{self.world.issuer}/userinfo", access).status == 200
        claims = tokens["id_token"].split(".")[1]
        self.world.latchkey("session", "end", json.loads(base64.urlsafe_b64decode(claims + "=="))["sid"])
        assert self.call(self.url, access).status == 401

    def refresh(self):
        """The same refresh token twice, as from two tabs: the very same successor."""
        old = self.tokens()["refresh_token"]
        answers = [self.token(grant_type="refresh_token", refresh_token=old) for _ in range(2)]
        assert answers[0]["refresh_token"] == answers[1]["refresh_token"] != old


PRODUCTS = [Authlib, RequestsOauthlib, MozillaDjangoOidc, MozillaDjangoOidcHs256, DjangoAllauth, PyJwt, Recipes]
