#!/usr/bin/env python3
"""Signs in through nginx, Caddy and Traefik, as far as they are installed, set up by the text of docs/proxies.md, in front of a real `latchkey serve`. Only ports and
certificates are put into that text. Callers come from several addresses of this machine, and claim to come from others."""

import http.client, json, os, re, shutil, ssl, socket, subprocess, sys, time, tomllib, urllib.parse

from processes import Processes

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.path.join(ROOT, os.environ.get("CARGO_TARGET_DIR", "target"), "debug", "latchkey")
HOST, PORTS, SERVER, UNUSED = "login.example.com", {"nginx": 9443, "caddy": 9444, "traefik": 9445}, 9180, 9181
ISSUER, PASSWORD, CALLBACK = f"https://{HOST}", "correct horse", "https://app.example/callback"
ALICE, MALLORY, BOB, CLAIMED = "127.0.0.2", "127.0.0.3", "127.0.0.4", "203.0.113.9"
DOC = open(f"{ROOT}/docs/proxies.md").read()


def block(language, number=0):
    return re.findall(rf"^```{language}\n(.*?)^```", DOC, re.M | re.S)[number]


def put(text, *pairs):
    """Replaces what the machine of a test has otherwise; each must be there."""
    for old, new in pairs:
        assert old in text, f"docs/proxies.md has no `{old}` any more"
        text = text.replace(old, new)
    return text


def wait(port):
    for _ in range(300):
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
    sys.exit(f"nothing listens on {port}")


def latchkey(*command, stdin=""):
    done = subprocess.run([BIN, *command], input=stdin, env={**os.environ, **settings}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"latchkey {command}: {done.stderr}")


class Browser:
    """Speaks TLS to the proxy from an address of its own, and says that it forwards for somebody else."""

    def __init__(self, proxy, address):
        self.port, self.address, self.cookies, self.headers = PORTS[proxy], address, {}, None

    def send(self, method, path, form=None):
        trust = ssl.create_default_context()
        # Whose certificate it is has nothing to do with what is tested.
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(HOST, 443, context=trust, timeout=20)
        raw = socket.create_connection(("127.0.0.1", self.port), 20, (self.address, 0))
        connection.sock = trust.wrap_socket(raw, server_hostname=HOST)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), "X-Forwarded-For": CLAIMED,
                   "Forwarded": f"for={CLAIMED}", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example", "X-Real-IP": CLAIMED}
        body = None
        if form is not None:
            body = urllib.parse.urlencode(form)
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": ISSUER}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text, self.headers = answer.read().decode(), answer.headers
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, value = line.split(";")[0].split("=", 1)
            assert name.startswith("__Host-") and "; Secure" in line, line
            self.cookies[name] = value
        connection.close()
        return answer.status, text

    def login_page(self):
        ask = {"client_id": "app", "response_type": "code", "scope": "openid", "redirect_uri": CALLBACK, "state": "s",
               "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"}
        path = "/authorize?" + urllib.parse.urlencode(ask)
        for _ in range(5):
            status, text = self.send("GET", path)
            if status == 200:
                return path, text
            assert status in (302, 303), (status, text)
            address = self.headers["Location"]
            assert address.startswith("/") or address.startswith(ISSUER + "/"), f"leads away: {address}"
            path = address.removeprefix(ISSUER)
        sys.exit("no login page")

    def sign_in(self, username, password):
        path, text = self.login_page()
        fields = {"csrf": re.search(r'name="csrf" value="([^"]+)"', text)[1], "username": username, "password": password}
        status, text = self.send("POST", path, fields)
        while status in (302, 303) and not self.headers["Location"].startswith(CALLBACK):
            status, text = self.send("GET", self.headers["Location"].removeprefix(ISSUER))
        return status, text


def events():
    lines = (json.loads(line) for line in open(f"{work}/latchkey.log") if line.startswith("{"))
    return [line for line in lines if line.get("target") == "audit"]


def signed_in_from(address):
    for _ in range(50):
        seen = [line for line in events() if "signed in" in json.dumps(line)]
        if seen:
            assert address in json.dumps(seen[-1]), f"not from {address}: {seen[-1]}"
            assert CLAIMED not in json.dumps(events()), "a caller's own word about its address is believed"
            return
        time.sleep(0.1)
    sys.exit(f"no sign-in in the log: {events()}")


def check(proxy):
    alice = Browser(proxy, ALICE)
    status, text = alice.send("GET", "/.well-known/openid-configuration")
    metadata = json.loads(text)
    assert status == 200 and metadata["issuer"] == ISSUER, metadata["issuer"]
    assert all(value.startswith(ISSUER) for name, value in metadata.items() if name.endswith(("_endpoint", "_uri"))), metadata
    alice.login_page()
    assert "max-age" in (alice.headers["Strict-Transport-Security"] or ""), "no Strict-Transport-Security"

    status, text = alice.sign_in("alice", PASSWORD)
    assert status in (302, 303) and "code=" in alice.headers["Location"], (status, text)
    signed_in_from(ALICE)

    # Ten wrong ones from one address lock that address out for this name, and nobody else.
    name = f"bob-{proxy}"
    said = [Browser(proxy, MALLORY).sign_in(name, "wrong")[0] for _ in range(11)]
    assert said[:10] == [401] * 10 and said[10] == 429, said
    status, text = Browser(proxy, BOB).sign_in(name, PASSWORD)
    assert status in (302, 303), (status, text)
    signed_in_from(BOB)
    print(f"  {proxy}: issuer, sign-in, secure cookies, the caller's own address, limits by address", flush=True)


def nginx():
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={HOST}",
                    "-keyout", f"{work}/key.pem", "-out", f"{work}/cert.pem"], check=True, capture_output=True)
    text = put(block("nginx"), ("127.0.0.1:8080", f"127.0.0.1:{SERVER}"), ("listen 443 ssl;", f"listen 127.0.0.1:{PORTS['nginx']} ssl;"),
               (f"/etc/letsencrypt/live/{HOST}/fullchain.pem", f"{work}/cert.pem"), (f"/etc/letsencrypt/live/{HOST}/privkey.pem", f"{work}/key.pem"))
    version = tuple(map(int, re.findall(r"\d+", subprocess.run(["nginx", "-v"], capture_output=True, text=True).stderr)[:3]))
    if version < (1, 25, 1):
        # The directive is younger; before, it was a word of `listen`.
        text = put(text, ("    http2 on;\n", ""), (" ssl;", " ssl http2;"))
    own = "".join(f"{kind}_temp_path {work}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    open(f"{work}/nginx.conf", "w").write(
        f"daemon off;\nmaster_process off;\npid {work}/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{own}{text}}}\n")
    started.start("nginx", ["nginx", "-c", f"{work}/nginx.conf", "-e", "stderr"])


def caddy():
    text = put(block("caddyfile"), ("127.0.0.1:8080", f"127.0.0.1:{SERVER}"))
    # Its own certificate authority in place of a public one, and ports that need no privileges.
    options = f"admin off\ndefault_bind 127.0.0.1\nlocal_certs\nskip_install_trust\nhttp_port {UNUSED}\nhttps_port {PORTS['caddy']}\nstorage file_system {work}/caddy\n"
    open(f"{work}/Caddyfile", "w").write(f"{{\n{options}}}\n{text}")
    started.start("caddy", ["caddy", "run", "--config", f"{work}/Caddyfile", "--adapter", "caddyfile"], {"HOME": work})


def traefik():
    # Its own certificate in place of a public one.
    dynamic = put(block("yaml"), ("127.0.0.1:8080", f"127.0.0.1:{SERVER}"), ("tls:\n        certResolver: letsencrypt\n", "tls: {}\n"))
    static = put(block("yaml", 1), (":443", f"127.0.0.1:{PORTS['traefik']}"), ("/etc/traefik/latchkey.yml", f"{work}/dynamic.yml"),
                 ("/etc/traefik/acme.json", f"{work}/acme.json"))
    for name, text in (("dynamic", dynamic), ("static", static)):
        open(f"{work}/{name}.yml", "w").write(text)
    started.start("traefik", ["traefik", f"--configFile={work}/static.yml"])


def has(program):
    """In CI a missing nginx is a failure; otherwise it is said."""
    if shutil.which(program):
        return True
    if os.environ.get("CI") and program == "nginx":
        sys.exit(f"{program} is not installed")
    print(f"  SKIPPED: {program} is not installed", flush=True)
    return False


os.environ["PATH"] += ":/usr/sbin"
documented = tomllib.loads(block("toml"))
assert documented["issuer"] == ISSUER and documented["listen"] == "127.0.0.1:8080"
with Processes("proxies") as started:
    work = started.work
    settings = {"LATCHKEY_ISSUER": ISSUER, "LATCHKEY_LISTEN": f"127.0.0.1:{SERVER}", "LATCHKEY_TRUSTED_PROXIES": ",".join(documented["trusted_proxies"]),
                "LATCHKEY_DATABASE_URL": f"sqlite://{work}/latchkey.db", "LATCHKEY_KEYS_DIR": f"{work}/keys", "LATCHKEY_LOG__FORMAT": "json"}
    started.start("latchkey", [BIN, "serve"], settings)
    wait(SERVER)
    for name in ("alice", "bob-nginx", "bob-caddy", "bob-traefik"):
        latchkey("user", "create", name, "--password-stdin", stdin=PASSWORD)
    latchkey("client", "create", "--from", "-", stdin=json.dumps({"client_id": "app", "client_name": "App", "redirect_uris": [CALLBACK], "trusted": True}))
    passed = 0
    for begin in (nginx, caddy, traefik):
        if has(begin.__name__):
            begin()
            wait(PORTS[begin.__name__])
            check(begin.__name__)
            passed += 1
    print(f"{passed} passed, 0 failed", flush=True)
