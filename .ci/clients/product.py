"""What is asked of every product. A product's own file says only where it differs."""

import json, re


class Product:
    """An app that signs users in, set up by its page under docs/connect/.

    The app of the page listens on $PORT and shows `signed in: SUBJECT E-MAIL NAME` at `home`.
    """

    page_name = ""  # docs/connect/NAME.md
    variant = ""  # what this one has besides the page, where there are two of a product
    package = ""  # whose version the page names
    host = "localhost"
    long = False  # only with --all
    needs = ()  # commands that its language brings
    home, login, refresh_path, logout = "/", "/login", "/refresh", "/logout"

    def __init__(self, world):
        self.world = world
        self.port = world.port()
        self.url = f"http://{self.host}:{self.port}"
        self.page = world.page(f"{self.page_name}.md", self.url)
        self.browser = world.browser()
        self.env = {"PORT": str(self.port)}

    @property
    def name(self):
        return self.page_name + self.variant

    # What a language's file fills in.

    def version(self):
        raise NotImplementedError

    def folder(self):
        """Where the files of the page are written to."""
        folder = self.world.work / self.name
        folder.mkdir()
        return folder

    def command(self):
        raise NotImplementedError

    # The stages, in their order.

    def set_up(self):
        assert f"({self.page_name}.md)" in self.world.page("README.md", self.url).source, "the index does not name the page"
        if self.package:
            said = f"Tested with {self.package} {self.version()}"
            assert said in self.page.source, f"{self.page.path} does not say: {said}"
        for command in self.page.commands("latchkey client create"):
            client = json.loads(self.world.shell(self.registration(command)))
            self.env.setdefault("CLIENT_ID", client["client_id"])
            self.env.setdefault("CLIENT_SECRET", client.get("client_secret", ""))
            self.registered(client)
        self.work = self.folder()
        for name, text in self.page.files().items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.source(text).replace("<client_id>", self.env["CLIENT_ID"]).replace("<client_secret>", self.env["CLIENT_SECRET"]), encoding="utf-8")
        self.start()

    def start(self):
        self.world.start(self.name, self.command(), self.port, self.env, self.work)

    def registration(self, command):
        return command

    def source(self, text):
        return text

    def registered(self, client):
        """Each client of the page, for products that need more than one."""

    def begin(self):
        """What a user does to sign in; answers the page where that leads to."""
        return self.browser.open(self.url + self.login)

    def sign_in(self):
        page = self.browser.follow(self.begin())
        self.expect_user(page if page.url == self.url + self.home else self.browser.open(self.url + self.home))

    def refresh(self):
        page = self.browser.open(self.url + self.refresh_path)
        assert "refreshed:" in page.text, f"{page.url}: {page.status} {page.text[:500]}"
        self.expect_user(page)

    def rotation(self):
        """A sign-in after the key changed; the app has the old keys in its memory."""
        self.browser = self.world.browser()
        self.sign_in()

    def sign_out(self):
        """By a link, or by a form with a button `leave`."""
        page = self.browser.open(self.url + self.logout)
        if form := page.form("leave"):
            page = self.browser.submit(page, form, "leave")
        page = self.browser.follow(page)
        assert page.url.startswith(self.url), f"not back at the app but at {page.url}: {page.text[:500]}"
        self.expect_signed_out()

    def sessions(self):
        return {session["id"] for session in json.loads(self.world.latchkey("session", "list", "--json"))}

    def forced_sign_out(self, status):
        """An administrator ends the session of a new browser: the product checks the logout token, answers `status`, and forgets the user."""
        others = self.sessions()
        self.browser = self.world.browser()
        self.sign_in()
        (ended,) = self.sessions() - others
        receipts = json.loads(self.world.latchkey("session", "end", ended, "--wait", "--json"))["receipts"]
        assert [(one["client_id"], one["status"]) for one in receipts] == [(self.env["CLIENT_ID"], status)], receipts
        self.expect_signed_out()

    def end(self):
        """What is left to close, whatever happened."""

    def expect_signed_out(self):
        """The app's session is gone, and Latchkey's."""
        page = self.browser.open(self.url + self.home)
        assert self.world.user["sub"] not in page.text, f"the app still knows the user: {page.text[:500]}"
        page = self.begin()
        assert page.form("password"), f"Latchkey still knows the user: {page.url}: {page.text[:500]}"

    def expect_user(self, page):
        shown = re.sub(r"\s+", " ", page.text)
        for claim in ("sub", "email", "name"):
            assert self.world.user[claim] in shown, f"{claim} is missing at {page.url} ({page.status}): {shown[:500]}"


class Hs256:
    """The same with ID tokens that are signed with the client's secret. `setting`: what makes the library insist on it, in the place of what the page says."""

    variant = " (HS256)"
    setting = ("", "")

    def registration(self, command):
        return command.replace('"client_name"', '"id_token_signed_response_alg": "HS256",\n  "client_name"')

    def registered(self, client):
        assert client["id_token_signed_response_alg"] == "HS256", client

    def source(self, text):
        return text.replace(*self.setting)

    def set_up(self):
        super().set_up()
        assert any(self.setting[1] in path.read_text() for path in self.work.rglob("*") if path.suffix in (".mjs", ".py")), "the library is not told"


class Api(Product):
    """A resource server: it verifies access tokens by the published keys. It answers 200 with the token's subject, or 401."""

    def set_up(self):
        super().set_up()
        self.tokens = 0

    def token(self):
        form = {"grant_type": "client_credentials", "client_id": self.env["CLIENT_ID"], "client_secret": self.env["CLIENT_SECRET"]}
        answer = self.browser.open(f"{self.world.issuer}/token", form)
        assert answer.status == 200, answer.text
        return json.loads(answer.text)["access_token"]

    def call(self, token):
        page = self.browser.open(self.url, headers={"Authorization": f"Bearer {token}"})
        return page.status, page.text

    def sign_in(self):
        token = self.token()
        head, body, signature = token.split(".")
        status, text = self.call(token)
        assert status == 200 and self.env["CLIENT_ID"] in text, (status, text)
        for bad in (f"{head}.{body}.{'A' * len(signature)}", "x", ""):
            assert self.call(bad)[0] == 401, f"not refused: {bad}"

    refresh = None

    def during_rotation(self):
        """Called each second while one key follows the other: no good token may be refused."""
        status, text = self.call(self.token())
        self.tokens += 1
        assert status == 200, f"a good token was refused while the key changed: {status} {text[:300]}"

    def rotation(self):
        self.during_rotation()

    sign_out = None
