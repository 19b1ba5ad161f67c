#!/usr/bin/env python3
"""The pictures of the console in docs/pictures: .ci/pictures.py [FOLDER [LANGUAGE [dark]]]

Fills a database with people and apps of a made-up company, always the same, and takes the pages in Chromium. Moments and ids are
written over with the same ones each time, so that a picture changes only where its page does. Needs selenium and Pillow
(`python3 -m venv`, `pip install selenium pillow`), Chromium, and `cargo build`. FOLDER is docs/pictures; another one for a look
at the pages in Korean (`ko-KR`) or dark."""

import hashlib, json, os, random, sqlite3, subprocess, sys, tempfile, time

from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from console import BIN, ROOT, open_browser, wait_for

AT, PASSWORD = "http://localhost:9295", "a password of the administrator"
DAY = 86_400
PEOPLE = ["Ana Moreno", "Ben Okafor", "Chloé Martin", "Daniel Weber", "Elif Yılmaz", "Han So-yeon", "Ibrahim Diallo", "Jonas Lindqvist", "Kim Min-ji", "Lee Jun-ho",
          "Mateo Rossi", "Nora Haddad", "Park Ji-woo", "Priya Raman", "Sofia Novak", "Tom Becker", "Yuki Tanaka", "Zoe Carter"]
GROUPS = ["engineering", "finance", "people", "sales", "support"]
DEVICES = ["chrome windows", "safari ios", "firefox linux", "edge windows", "samsung-internet android", "safari mac-os", "whale windows"]
APPS = [
    {"client_id": "wiki", "client_name": "Wiki", "redirect_uris": ["https://wiki.example.org/callback"], "backchannel_logout_uri": "https://wiki.example.org/logout",
     "scope": "openid profile email groups", "grant_types": ["authorization_code", "refresh_token"], "require_pkce": True, "access": {"groups": ["engineering", "support"], "roles": [], "users": []}},
    {"client_id": "shop-desk", "client_name": "Shop desk", "redirect_uris": ["https://desk.example.org/callback"], "backchannel_logout_uri": "https://desk.example.org/logout"},
    {"client_id": "payroll", "client_name": "Payroll", "redirect_uris": ["https://payroll.example.org/callback"], "backchannel_logout_uri": "https://payroll.example.org/logout", "trusted": True},
    {"client_id": "field-app", "client_name": "Field app", "application_type": "native", "token_endpoint_auth_method": "none", "redirect_uris": ["org.example.field:/callback"]},
    {"client_id": "nightly-report", "client_name": "Nightly report", "grant_types": ["client_credentials"], "roles": ["reporter"]},
    {"client_id": "orders-api", "client_name": "Orders API", "grant_types": []},
]
# Moments are moved so that it is always this one, and ids become the same in the order in which they are met.
STEADY = r"""
    const moved = arguments[0] * 1000, hours = Math.round(moved / 36e5) * 36e5, ids = new Map();
    const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const two = (n) => String(n).padStart(2, "0");
    const id = (found) => { if (!ids.has(found)) ids.set(found, ids.size); return `01a3185c-${(4096 + ids.get(found) * 7919 % 61439).toString(16)}-7efb-a86a-e9e0c207865f`; };
    while (nodes.nextNode()) {
        nodes.currentNode.data = nodes.currentNode.data
            .replace(/(\d{4}-\d\d-\d\d) (\d\d:\d\d)/g, (_, day, hour) => { const at = new Date(Date.parse(`${day}T${hour}Z`) + moved); return `${at.toISOString().slice(0, 10)} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`; })
            .replace(/^(\d\d-\d\d) (\d\d:\d\d)$/, (_, day, hour) => new Date(Date.parse(`${new Date().getUTCFullYear()}-${day}T${hour}Z`) + hours).toISOString().slice(5, 16).replace("T", " "))
            .replace(/\b1[789]\d{8}\b/g, (at) => Number(at) + arguments[0])
            .replace(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, id);
    }
"""
# Pages that are looked at, and of which docs/pictures has none, or none that is wide and light.
MORE = [("keys", "/admin/keys", 900), ("rotate", "/admin/keys/rotate", 900), ("refusals", "/admin/refusals", 900), ("refusal", "/admin/refusals/7K3M9Q2X", 900), ("new-app", "/admin/new-client", 1000), ("access", "/admin/clients/wiki/access", 1100),
        ("connect", "/admin/clients/wiki/connect", 1400), ("app-users", "/admin/clients/wiki/users", 900), ("app-consents", "/admin/clients/wiki/consents", 900), ("new-user", "/admin/users/new", 1200), ("session-filter", "/admin/sessions?user=kim&client=wiki", 900),
        ("end-all", "/admin/sessions/end-all", 700), ("apps", "/admin/clients", 900), ("secret", "/admin/clients/wiki/secret", 700)]
THEN = 1_798_797_600  # 2027-01-01 10:00 UTC


def name_of(person):
    return person.split()[0].lower().replace("é", "e")


def command(env, *arguments, stdin=""):
    return subprocess.run([BIN, *arguments], env=env, input=stdin, text=True, check=True, capture_output=True).stdout


def insert(database, table, **row):
    names = ", ".join(row)
    database.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


def fill(path, now):
    """What a company has after some weeks."""
    chance = random.Random(20270101)
    with sqlite3.connect(path) as database:
        users = {row[1]: row[0] for row in database.execute("SELECT id, username FROM users")}
        for at, (name, user) in enumerate(users.items()):
            database.execute("UPDATE users SET created_at = ?, updated_at = ?, last_sign_in_at = ? WHERE id = ?", [now - (60 - at) * DAY, now - (20 - at) * 3600, now - at * 1900 - 300, user])
        database.execute("UPDATE users SET disabled_at = ? WHERE username = 'tom'", [now - DAY])
        database.execute("UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE username = 'admin') WHERE username <> 'sofia'")
        database.execute("UPDATE clients SET created_at = ?", [now - 50 * DAY])
        database.execute("UPDATE audit SET at = ? + id * 3600", [now - 55 * DAY])
        for hour in range(24 * 31):
            at = (now // 3600 - hour) * 3600
            busy = 1 + 9 * max(0, 8 - abs(13 - at // 3600 % 24)) * (0.3 if at // DAY % 7 in (2, 3) else 1)
            for what, most in (("sign-ins", 2), ("tokens", 11), ("failed-sign-ins", 0.2), ("sessions", 1.6)):
                count = int(busy * most * chance.uniform(0.75, 1.25)) + (40 if what == "failed-sign-ins" and hour == 4 else 0)
                insert(database, "hourly_counts", hour=at, what=what, count=count)
        sessions = []
        for at, (name, user) in enumerate(list(users.items()) * 2):
            if name in ("admin", "tom") or (at > len(users) and name != "kim" and chance.random() < 0.5):
                continue
            session, began, address = f"01a3185c-{at:04x}-7efb-a86a-e9e0c207865f", now - 600 - at * 1700, f"203.0.113.{10 + at * 7 % 200}"
            insert(database, "sessions", id=session, digest=hashlib.sha256(session.encode()).digest(), user_id=user, auth_time=began, amr="pwd", remember=0, created_at=began,
                   expires_at=now + 30_000, ends_at=now + 36_000, last_used_at=began + 500, device=chance.choice(DEVICES), address=address)
            sessions.append((session, name, user, began, address))
            for app in chance.sample(["wiki", "shop-desk", "payroll", "field-app"], chance.choice([1, 2, 3])):
                insert(database, "authorizations", id=f"{session}-{app}", client_id=app, user_id=user, session_id=session, scope="openid profile email", offline=0, auth_time=began, amr="pwd",
                       redirect_uri="https://x.example/", redirect_uri_sent=1, code=hashlib.sha256(f"{session}{app}".encode()).digest(), code_expires_at=began + 60, created_at=began,
                       exchanged_at=began + 2, expires_at=now + 36_000)
                if app != "payroll":
                    database.execute("INSERT OR IGNORE INTO consents (user_id, client_id, scope, granted_at) VALUES (?, ?, 'openid profile email', ?)", [user, app, began])
        for session, name, user, began, address in sorted(sessions, key=lambda s: s[3]):
            insert(database, "audit", at=began, event="signed in", actor_kind="user", actor=user, actor_name=name, user_id=user, front_end="page", target_kind="session", target=session,
                   outcome="done", address=address, details='{"client":"wiki"}', logged=1)
        mina = users["kim"]
        for event, outcome, address in (("sign-in failed", "refused", "198.51.100.23"), ("user update", "done", "203.0.113.5"), ("user end-sessions", "done", "203.0.113.5")):
            by_admin = event.startswith("user ")
            insert(database, "audit", at=now - 240, event=event, actor_kind="user" if by_admin else "stranger", actor=users["admin"] if by_admin else None, actor_name="admin" if by_admin else None,
                   user_id=mina, front_end="console" if by_admin else "page", target_kind="user", target=mina, target_name="kim", outcome=outcome, address=address,
                   details='{"groups":{"old":["support"],"new":["engineering","support"]}}' if event == "user update" else "{}", logged=1)
        ended = "01a3185c-0fff-7efb-a86a-e9e0c207865f"
        insert(database, "audit", at=now - 4000, event="signed in", actor_kind="user", actor=mina, actor_name="kim", user_id=mina, front_end="page", target_kind="session", target=ended,
               outcome="done", address="203.0.113.73", details='{"client":"wiki"}', logged=1)
        insert(database, "audit", at=now - 70, event="session ended", actor_kind="user", actor=users["admin"], actor_name="admin", user_id=mina, front_end="console", target_kind="session", target=ended,
               outcome="done", address="203.0.113.5", details='{"cause":"ended by an administrator"}', logged=1)
        answers = [("wiki", "delivered", "delivered", 200, 43, None), ("shop-desk", "delivered", "delivered", 204, 118, None), ("payroll", "waiting", "unreached", None, 5000, "no answer in time")]
        for app, state, outcome, status, took, reason in answers:
            insert(database, "authorizations", id=f"{ended}-{app}", client_id=app, user_id=mina, session_id=ended, scope="openid profile email", offline=0, auth_time=now - 4000, amr="pwd",
                   redirect_uri="https://x.example/", redirect_uri_sent=1, code=hashlib.sha256(f"{ended}{app}".encode()).digest(), code_expires_at=now - 3940, created_at=now - 4000,
                   exchanged_at=now - 3998, revoked_at=now - 70, expires_at=now + 36_000)
            insert(database, "deliveries", session_id=ended, client_id=app, user_id=mina, cause="forced", ended_at=now - 70, since=now - 70, state=state, attempts=1 if state == "delivered" else 3,
                   due_at=now + 3600, attempted_at=now - 68, outcome=outcome, status=status, milliseconds=took, reason=reason)
        for at, (session, name, user, began, _) in enumerate(sessions[:9]):
            app, state, outcome, status = [("wiki", "delivered", "delivered", 200), ("shop-desk", "delivered", "delivered", 204), ("payroll", "dead", "refused", 400)][at % 3]
            insert(database, "deliveries", session_id=f"01a3185c-1{at:03x}-7efb-a86a-e9e0c207865f", client_id=app, user_id=user, cause="signed out", ended_at=now - 4000 * (at + 1), since=now - 4000 * (at + 1),
                   state=state, attempts=1 if state == "delivered" else 14, due_at=now, attempted_at=now - 4000 * (at + 1) + 1, outcome=outcome, status=status, milliseconds=20 + 13 * at)
        refused = [("7K3M9Q2X", 130, "RedirectUriUnregistered", "/authorize", "wiki", "one of the registered redirect URIs", "https://wiki.example.org/callback/"),
                   ("4QZ0V8TC", 900, "ClientSecretWrong", "/token", "shop-desk", "the client's secret", "(43 characters, masked)"), ("9D2JX6HB", 2600, "CodeReplayed", "/token", "payroll", "a code that was not used", "used before"),
                   ("1M5RW7NF", 5200, "UserNotAdmitted", "/authorize", "wiki", "one of the groups, roles or users of the client's access", "tom"), ("C3P8K0GE", 9100, "TokenExpired", "/userinfo", None, "not expired", "expired 40 seconds ago"),
                   ("2B6TY4SA", 15_000, "TooManyAttempts", "/login", "wiki", "fewer attempts", "10 within ten minutes")]
        for reference, ago, reason, endpoint, client, expected, came in refused:
            insert(database, "refusals", reference=reference, at=now - ago, reason=reason, endpoint=endpoint, client_id=client, request_id=f"5a1c{ago:08x}00b7", expected=expected, came=came)


class Company:
    """A server with that database."""

    def __enter__(self):
        self.work = tempfile.TemporaryDirectory(prefix="latchkey-pictures-")
        work = self.work.name
        env = {**os.environ, "LATCHKEY_ISSUER": AT, "LATCHKEY_LISTEN": "127.0.0.1:9295", "LATCHKEY_DATABASE_URL": f"sqlite://{work}/db", "LATCHKEY_KEYS_DIR": f"{work}/keys"}
        command(env, "migrate")
        command(env, "user", "create", "admin", "--name", "Ada Park", "--email", "ada@example.org", "--role", "admin", "--password-stdin", stdin=PASSWORD)
        for at, person in enumerate(PEOPLE):
            group = ["--group", GROUPS[at % 5]] + (["--group", "engineering"] if at % 4 == 0 and at % 5 else [])
            role = ["--role", "auditor"] if at == 11 else []
            command(env, "user", "create", name_of(person), "--name", person, "--email", f"{name_of(person)}@example.org", *group, *role)
        for app in APPS:
            command(env, "client", "create", "--from", "-", stdin=json.dumps(app))
        self.now = int(time.time())
        fill(f"{work}/db", self.now)
        self.log = open(f"{work}/log", "w")
        self.process = subprocess.Popen([BIN, "serve"], env=env, stdout=subprocess.DEVNULL, stderr=self.log)
        wait_for(AT)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.log.close()
        self.work.cleanup()


class Camera:
    """A signed-in browser that takes pictures."""

    def __init__(self, folder, now, language, dark, width, height):
        self.folder, self.now, self.width = folder, now, width
        self.driver = open_browser(language, dark, width, height)
        self.driver.get(AT + "/admin")
        for field, text in (("username", "admin"), ("password", PASSWORD)):
            self.by(field).send_keys(text)
        self.by("sign-in").click()
        self.by("main")

    def by(self, element):
        return WebDriverWait(self.driver, 30).until(lambda d: d.find_element(By.ID, element))

    def user(self, name):
        self.driver.get(f"{AT}/admin/users?q={name}")
        return self.driver.current_url.split(AT)[1]

    def take(self, name, path, most):
        """The page as high as it is, at most so many pixels of it."""
        driver = self.driver
        driver.get(AT + path)
        self.by("main")
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
        driver.execute_script(STEADY, THEN - self.now)
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        high = min(most, int(driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]["height"]))
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": self.width, "height": high, "deviceScaleFactor": 1, "mobile": self.width < 500})
        at = os.path.join(self.folder, f"{name}.png")
        driver.save_screenshot(at)
        small(at)
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": self.width, "height": 800, "deviceScaleFactor": 1, "mobile": self.width < 500})
        print(f"  {name}.png: {os.path.getsize(at) // 1024} KiB", flush=True)


def small(path):
    """With a palette: of the few colours of a page nothing is lost that an eye sees."""
    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(colors=128, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "docs", "pictures")
    language, dark = (sys.argv[2:3] or ["en-US"])[0], sys.argv[3:4] == ["dark"]
    os.makedirs(folder, exist_ok=True)
    ended = "/admin/sessions/01a3185c-0fff-7efb-a86a-e9e0c207865f"
    with Company() as company:
        camera = Camera(folder, company.now, language, dark, 1280, 800)
        kim = camera.user("kim")
        pages = [("overview", "/admin?period=week", 1000), ("users", "/admin/users", 900), ("user", kim, 1400), ("app", "/admin/clients/wiki", 1100), ("app-form", "/admin/clients/wiki/edit", 1250),
                 ("token-preview", "/admin/clients/wiki/preview?user=kim&scope=openid+profile+email+groups", 1300), ("sessions", "/admin/sessions", 900), ("receipts", ended, 900),
                 ("deliveries", "/admin/deliveries", 900), ("audit", "/admin/audit", 1000)]
        for name, path, most in pages:
            camera.take(name, path, most)
        phone = Camera(folder, company.now, language, dark, 390, 844)
        phone.take("phone", kim, 844)
        if folder != os.path.join(ROOT, "docs", "pictures"):
            for name, path, most in [*pages, *MORE]:
                phone.take(f"{name}-phone", path, 2400)
                if (name, path, most) in MORE:
                    camera.take(name, path, most)
        else:
            for look, width, some in [("korean-dark", 390, ["overview", "sessions", "audit", "refusal"]), ("dark", 1280, ["overview"])]:
                other = Camera(folder, company.now, "ko-KR" if "korean" in look else language, True, width, 844)
                for name, path, _ in pages + MORE:
                    if name in some:
                        other.take(f"{name}-{look}", path, 844 if width == 390 else 1000)
                other.driver.quit()
        camera.driver.quit()
        phone.driver.quit()


if __name__ == "__main__":
    main()
