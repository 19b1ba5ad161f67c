#!/usr/bin/env python3
"""How much memory `latchkey serve` holds: after its start, after sign-ins, and when it has been quiet for a while.

    .ci/memory.py target/release/latchkey [DATABASE_URL [SIGN-INS]]

`rss` is what is resident (VmRSS), `own` the part that is no file's page and that nobody else can use (RssAnon)."""

import http.client, json, os, re, subprocess, sys, tempfile, time, urllib.parse

PORT, PASSWORD, CALLBACK = 9170, "correct horse", "http://localhost:9171/callback"


def memory(pid):
    text = open(f"/proc/{pid}/status").read()
    return tuple(int(re.search(rf"^{name}:\s+(\d+)", text, re.M)[1]) / 1024 for name in ("VmRSS", "RssAnon")) + (len(os.listdir(f"/proc/{pid}/task")),)


def say(when, pid):
    rss, own, threads = memory(pid)
    print(f"{when:32} rss {rss:5.1f} MB   own {own:5.1f} MB   {threads} threads", flush=True)


def sign_in(connection):
    """A new browser, from the authorization request to the tokens."""
    cookies = {}

    def send(method, path, form=None, headers=None):
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()), **(headers or {})}
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, None if form is None else urllib.parse.urlencode(form), sent)
        answer = connection.getresponse()
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, value = line.split(";")[0].split("=", 1)
            cookies[name] = value
        return answer, answer.read().decode()

    ask = {"client_id": "app", "response_type": "code", "scope": "openid", "redirect_uri": CALLBACK}
    answer, _ = send("GET", "/authorize?" + urllib.parse.urlencode(ask))
    while not answer.headers["Location"].startswith(CALLBACK):
        path = answer.headers["Location"]
        answer, page = send("GET", path)
        if answer.status == 200:
            csrf = re.search(r'name="csrf" value="([^"]+)"', page)[1]
            answer, page = send("POST", path, {"csrf": csrf, "username": "alice", "password": PASSWORD})
        assert answer.status in (302, 303), (answer.status, page)
    code = urllib.parse.parse_qs(urllib.parse.urlparse(answer.headers["Location"]).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "client_id": "app", "client_secret": "s" * 40}
    answer, text = send("POST", "/token", form)
    assert answer.status == 200, text


binary, database, count = sys.argv[1], (sys.argv[2:3] or [""])[0], int((sys.argv[3:4] or [1000])[0])
with tempfile.TemporaryDirectory(prefix="latchkey-memory-") as work:
    settings = {"LATCHKEY_ISSUER": f"http://localhost:{PORT}", "LATCHKEY_LISTEN": f"127.0.0.1:{PORT}", "LATCHKEY_KEYS_DIR": f"{work}/keys",
                "LATCHKEY_DATABASE_URL": database or f"sqlite://{work}/latchkey.db"}
    env = {**os.environ, **settings}
    server = subprocess.Popen([binary, "serve"], env=env, stdout=subprocess.DEVNULL, stderr=open(f"{work}/log", "w"))
    try:
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
        for _ in range(300):
            try:
                connection.request("GET", "/readyz")
                connection.getresponse().read()
                break
            except OSError:
                connection.close()
                time.sleep(0.1)
        time.sleep(3)
        say("after its start", server.pid)
        client = {"client_id": "app", "client_secret": "s" * 40, "redirect_uris": [CALLBACK], "trusted": True, "token_endpoint_auth_method": "client_secret_post"}
        for command, stdin in ((["user", "create", "alice", "--password-stdin"], PASSWORD), (["client", "create", "--from", "-"], json.dumps(client))):
            subprocess.run([binary, *command], input=stdin, env=env, check=True, capture_output=True, text=True)
        time.sleep(2)
        for _ in range(count):
            sign_in(connection)
        say(f"after {count} sign-ins", server.pid)
        time.sleep(30)
        say("30 seconds later", server.pid)
    finally:
        server.terminate()
        server.wait(30)
