#!/usr/bin/env python3
"""Asks for each page and list of the administration on two databases in turn, one full and one with a user and an app, and compares the times.

    .ci/scale.py target/debug/latchkey [DATABASE_URL]

Full is 100,000 users, 1,000 clients, 1,000,000 sessions with an authorization each, 100,000 deliveries of logout tokens and
1,000,000 audit entries (USERS, CLIENTS, SESSIONS, DELIVERIES and AUDIT in the environment change it). SQLite has no statistics,
as in a real installation. DATABASE_URL is a PostgreSQL server in which databases may be made (then `psql` fills one of them); without
it both are SQLite files. ROUNDS (40) is how often each page is asked for; what is printed are medians. Ends with 1 where a page
takes more than twice the time on the full database."""

import http.client, json, os, re, shutil, sqlite3, statistics, subprocess, sys, tempfile, time, urllib.parse

PASSWORD = "a password of admin"
SIZES = {name: int(os.environ.get(name.upper(), most)) for name, most in
         (("users", 100_000), ("clients", 1_000), ("sessions", 1_000_000), ("deliveries", 100_000), ("audit", 1_000_000))}
ROUNDS, MOST = int(os.environ.get("ROUNDS", "40")), 2.0
PAGES = ["", "/users", "/users?q=u000077", "/users/user-777", "/users/user-777/consents", "/sessions", "/sessions?user=u0000777", "/sessions?client=app-77", "/sessions?user=u0000777&client=app-77", "/sessions/session-776", "/clients", "/clients?q=app", "/clients/app-77", "/clients/app-77/users", "/clients/app-77/consents", "/clients/app-77/connect",
         "/clients/app-77/preview?user=u0000777", "/audit", "/audit?event=user+create", "/audit?user=u0000777", "/refusals", "/keys", "/deliveries"]
LISTS = ["/overview", "/users", "/users?search=u000077", "/users/user-777", "/users/user-777/consents", "/clients", "/clients/app-77", "/clients/app-77/access", "/clients/app-77/consents", "/sessions",
         "/sessions?user=u0000777", "/sessions?client=app-77", "/sessions/session-776", "/sessions/ends", "/audit", "/audit?event=user+create", "/refusals", "/keys", "/deliveries", "/claims"]

# The names of one database stand for those of the other: `series`, `blob`.
FILL = """
INSERT INTO users (id, username, email, email_key, name, roles, groups, claims, created_at, updated_at)
 SELECT 'user-' || i, 'u' || {pad}, 'u' || {pad} || '@example.org', 'u' || {pad} || '@example.org', 'User ' || i, '[]', '[]', '{{}}', {now} - i, {now} - i FROM {users};
INSERT INTO clients (id, name_key, metadata, created_at)
 SELECT 'app-' || i, 'app ' || i, '{{"client_name":"App ' || i || '","redirect_uris":["https://app' || i || '.example.org/callback"]}}', {now} - i FROM {clients};
INSERT INTO sessions (id, digest, user_id, auth_time, amr, remember, created_at, expires_at, ends_at, last_used_at)
 SELECT 'session-' || i, {blob}, 'user-' || (1 + i % {most_users}), {now} - i / 100, 'pwd', 0, {now} - i / 100, {now} + 86400, {now} + 86400, {now} FROM {sessions};
INSERT INTO authorizations (id, client_id, user_id, session_id, scope, offline, auth_time, amr, redirect_uri, redirect_uri_sent, code, code_expires_at, created_at, exchanged_at, expires_at)
 SELECT 'given-' || i, 'app-' || (1 + (i + 300) % {most_clients}), 'user-' || (1 + i % {most_users}), 'session-' || i, 'openid', 0, {now} - i / 100, 'pwd', 'https://app.example.org/callback', 1, {blob},
  {now} - i / 100, {now} - i / 100, {now} - i / 100, {now} + 86400 FROM {sessions};
INSERT INTO deliveries (session_id, client_id, user_id, cause, ended_at, since, state, attempts, due_at, attempted_at, outcome, status, milliseconds)
 SELECT 'ended-' || i, 'app-' || (1 + i % {most_clients}), 'user-' || (1 + i % {most_users}), 'ended by an administrator', {now} - i / 10, {now} - i / 10, 'delivered', 1, {now} - i / 10, {now} - i / 10, 'delivered', 200, 9
 FROM {deliveries};
INSERT INTO consents (user_id, client_id, scope, granted_at)
 SELECT 'user-' || i, 'app-' || (1 + (i + 299) % {most_clients}), 'openid profile', {now} - i FROM {users};
INSERT INTO audit (at, event, actor_kind, front_end, target_kind, target, outcome, details, logged)
 SELECT {now} - {most_audit} + i, CASE i % 20 WHEN 0 THEN 'user create' ELSE 'sign-in' END, 'command', 'command', 'user', 'user-' || (1 + i % {most_users}), 'done', '{{}}', 1 FROM {audit};
"""


def numbers(name, full):
    """Which rows of a table there are: all, or those that belong to the user and the client whose pages are asked for."""
    if full:
        return 1, SIZES[name], 1
    return {"users": (777, 777, 1), "clients": (77, 77, 1), "consents": (777, 777, 1)}.get(name, (776, SIZES[name], SIZES["users"]))


def fill(url, path, full):
    def series(name):
        first, last, step = numbers(name, full)
        if url:
            return f"generate_series({first}, {last}, {step}) AS n (i)"
        return f"(WITH RECURSIVE n (i) AS (SELECT {first} UNION ALL SELECT i + {step} FROM n WHERE i + {step} <= {last}) SELECT i FROM n)"

    text = FILL.format(now=int(time.time()) - 60, pad="lpad(i::text, 7, '0')" if url else "printf('%07d', i)", blob="decode(md5(i::text) || md5('x' || i), 'hex')" if url else "randomblob(32)",
                       **{f"most_{name}": most for name, most in SIZES.items()}, **{name: series(name) for name in SIZES})
    if url:
        subprocess.run(["psql", "-q", "-v", "ON_ERROR_STOP=1", url], input=text + "ANALYZE;", text=True, check=True)
    else:
        with sqlite3.connect(path) as database:
            database.executescript(text)


class Server:
    """A server with a database of its own, and an administrator who is signed in at its console."""

    def __init__(self, port, url):
        self.port, self.name, self.url, self.process = port, f"latchkey_scale_{port}", url, None

    def start(self, binary, work, url, full):
        port = self.port
        database = f"sqlite://{work}/{port}.db"
        if url:
            subprocess.run(["psql", "-q", url], input=f"SET client_min_messages = warning; DROP DATABASE IF EXISTS {self.name};\nCREATE DATABASE {self.name};\n", text=True, check=True)
            database = url.rsplit("/", 1)[0] + "/" + self.name
        self.env = {**os.environ, "LATCHKEY_ISSUER": f"http://localhost:{port}", "LATCHKEY_LISTEN": f"127.0.0.1:{port}", "LATCHKEY_KEYS_DIR": f"{work}/keys-{port}",
                    "LATCHKEY_DATABASE_URL": database, "LATCHKEY_AUDIT__KEEP": "3650d"}
        self.binary, self.cookies = binary, {}
        self.command("migrate")
        self.command("user", "create", "admin", "--role", "admin", "--password-stdin", stdin=PASSWORD)
        fill(database if url else None, f"{work}/{port}.db", full)
        self.log = open(f"{work}/log-{port}", "w")
        self.process = subprocess.Popen([binary, "serve"], env=self.env, stdout=subprocess.DEVNULL, stderr=self.log)
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for _ in range(600):
            try:
                if self.send("GET", "/readyz")[0].status == 200:
                    break
            except OSError:
                self.http.close()
                time.sleep(0.05)
        self.wait_for_the_chain()

    def enter(self):
        """Once all servers stand: to fill one takes longer than a token lives, and than a quiet connection is kept."""
        self.http.close()
        self.sign_in()
        self.token = self.access_token()

    def command(self, *arguments, stdin=""):
        return subprocess.run([self.binary, *arguments], env=self.env, input=stdin, text=True, check=True, capture_output=True).stdout

    def wait_for_the_chain(self):
        """Entries are sealed by a worker: while it has a million to do, times are not those of a server that runs."""
        before = None
        while (now := self.cpu()) != before:
            before = now
            time.sleep(3)

    def cpu(self):
        """Seconds of CPU that the server has used, in steps of half a second."""
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) // 50

    def send(self, method, path, form=None, headers=None):
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **(headers or {})}
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        self.http.request(method, path, None if form is None else urllib.parse.urlencode(form), sent)
        answer = self.http.getresponse()
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, value = line.split(";")[0].split("=", 1)
            self.cookies[name] = value
        return answer, answer.read().decode()

    def sign_in(self):
        path = "/admin"
        while True:
            answer, page = self.send("GET", path)
            if answer.status == 200 and 'name="password"' in page:
                csrf = re.search(r'name="csrf" value="([^"]+)"', page)[1]
                answer, page = self.send("POST", path, {"csrf": csrf, "username": "admin", "password": PASSWORD})
            if answer.status == 200:
                return
            assert answer.status in (302, 303), (answer.status, page)
            path = re.sub(r"^http://[^/]+", "", answer.headers["Location"])

    def access_token(self):
        """For the API: of a client that may use it."""
        client = {"client_id": "scale", "client_secret": "s" * 40, "grant_types": ["client_credentials"], "scope": "latchkey.read"}
        self.command("client", "create", "--from", "-", stdin=json.dumps(client))
        form = {"grant_type": "client_credentials", "client_id": "scale", "client_secret": "s" * 40, "scope": "latchkey.read"}
        answer, text = self.send("POST", "/token", form)
        assert answer.status == 200, text
        return json.loads(text)["access_token"]

    def ask(self, path):
        """Milliseconds until the whole page is there."""
        is_api = path.startswith("/admin/api/")
        if is_api:
            # A client has 100 calls within a second.
            time.sleep(0.02)
        start = time.perf_counter()
        answer, page = self.send("GET", path, headers={"Authorization": "Bearer " + self.token} if is_api else None)
        took = (time.perf_counter() - start) * 1000
        assert answer.status == 200, f"{path}: {answer.status} {page[:300]}\n{open(self.log.name).read()[-2000:]}"
        return took

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
        if self.url:
            subprocess.run(["psql", "-q", self.url], input=f"SET client_min_messages = warning; DROP DATABASE IF EXISTS {self.name} WITH (FORCE);", text=True)


def compare(empty, full, path):
    pairs = []
    for _ in range(ROUNDS + 3):
        pairs.append((empty.ask(path), full.ask(path)))
    before, after = (statistics.median(side) for side in zip(*pairs[3:]))
    print(f"{path:44} {before:8.2f} ms {after:8.2f} ms   {after / before:5.2f}", flush=True)
    return after / before


def main():
    binary, url = sys.argv[1], (sys.argv[2:3] or [""])[0]
    work = tempfile.mkdtemp(prefix="latchkey-scale-")
    servers = []
    try:
        for port, full in ((9190, False), (9191, True)):
            servers.append(server := Server(port, url))
            server.start(binary, work, url, full)
        for server in servers:
            server.enter()
        print(f"{'PostgreSQL' if url else 'SQLite'}: {', '.join(f'{most:,} {name}' for name, most in SIZES.items())}")
        print(f"{'':44} {'empty':>11} {'full':>11}   ratio")
        paths = ["/admin" + page for page in PAGES] + ["/admin/api/v1" + page for page in LISTS]
        slow = [path for path in paths if compare(*servers, path) > MOST]
        sys.exit(f"more than {MOST} times: {', '.join(slow)}" if slow else 0)
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(work, ignore_errors=True)


main()
