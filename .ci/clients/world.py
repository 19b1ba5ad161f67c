"""One real Latchkey over TLS, the apps beside it, and what both print."""

import hashlib, http.client, json, os, pathlib, shutil, signal, socket, subprocess, sys, tempfile, time

import browser
from page import Page

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGES = ROOT / "docs" / "connect"
HERE = ROOT / ".ci" / "clients"
BIN = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug"
TOOLS = pathlib.Path(os.environ.get("LATCHKEY_TOOLS", ROOT / "target" / "tools"))
FIRST_PORT = int(os.environ.get("LATCHKEY_CLIENTS_PORT", "9200"))
# The least that the settings allow; jose and PyJWT do not ask for the keys again within 30 s.
ANNOUNCE = 60


def run(command, **options):
    """Runs to the end; says everything when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode:
        raise AssertionError(f"{command} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def installed(name, *sources, install):
    """Calls `install(folder)` once for these lock files, in a folder under the tools that is kept between runs."""
    folder = TOOLS / f"clients-{name}"
    wanted = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    stamp = folder / "installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"  installing {name}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        install(folder)
        stamp.write_text(wanted)
    return folder


class World:
    def __init__(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="latchkey-clients-"))
        self.host = f"localhost:{FIRST_PORT}"
        self.issuer = f"https://{self.host}"
        self.processes = {}
        self.next_port = FIRST_PORT
        self.certificate = str(self.work / "cert.pem")
        self.settings = {
            "LATCHKEY_ISSUER": self.issuer,
            "LATCHKEY_LISTEN": f"127.0.0.1:{FIRST_PORT}",
            "LATCHKEY_DATABASE_URL": f"sqlite://{self.work}/latchkey.db",
            "LATCHKEY_KEYS_DIR": str(self.work / "keys"),
            "LATCHKEY_TLS__CERTIFICATE": self.certificate,
            "LATCHKEY_TLS__KEY": str(self.work / "key.pem"),
            "LATCHKEY_KEYS__ANNOUNCE": f"{ANNOUNCE}s",
            "LATCHKEY_OUTBOUND__ALLOW": "127.0.0.1, ::1",
        }
        # What makes each language's clients trust the certificate.
        trust = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("LATCHKEY_")}, **{name: self.certificate for name in trust},
            "ISSUER": self.issuer, "PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1",
        }

    def begin(self):
        subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-keyout", self.settings["LATCHKEY_TLS__KEY"], "-out", self.certificate, *subject])
        os.chmod(self.settings["LATCHKEY_TLS__KEY"], 0o600)
        self.start("latchkey", [str(BIN / "latchkey"), "serve"], FIRST_PORT, env=self.settings, cwd=self.work)
        for command in self.page("README.md", "http://localhost").commands("latchkey user create"):
            self.shell(command)
        self.user = json.loads(self.latchkey("user", "show", browser.USER, "--json"))

    def page(self, name, url):
        addresses = [("https://login.example.com", self.issuer), ("login.example.com", self.host)]
        addresses += [(f"https://{app}.example.com", url) for app in ("app", "api")]
        addresses += [(f"{app}.example.com", url.split("//")[1]) for app in ("app", "api")]
        return Page(PAGES / name, addresses)

    def port(self):
        self.next_port += 1
        return self.next_port

    def shell(self, command):
        return run(["bash", "-euo", "pipefail", "-c", command], env={**self.env, **self.settings}, cwd=self.work)

    def latchkey(self, *command):
        return run([str(BIN / "latchkey"), *command], env={**self.env, **self.settings}, cwd=self.work)

    def browser(self):
        return browser.Browser(self.certificate)

    def start(self, name, command, port, env, cwd):
        """Starts a process and waits until it listens."""
        assert not listening(port), f"port {port} is taken: end what listens there, or set LATCHKEY_CLIENTS_PORT"
        log = open(self.work / f"{name}.log", "a", encoding="utf-8")
        process = subprocess.Popen(command, env={**self.env, **env}, cwd=cwd, stdout=log, stderr=log, start_new_session=True)
        self.processes[name] = process
        for _ in range(600):
            if process.poll() is not None:
                raise AssertionError(f"{name} ended at once:\n{self.log(name)}")
            if listening(port):
                return
            time.sleep(0.1)
        raise AssertionError(f"{name} does not listen:\n{self.log(name)}")

    def log(self, name, characters=3000):
        path = self.work / f"{name}.log"
        return path.read_text(encoding="utf-8", errors="replace")[-characters:] if path.exists() else ""

    def end(self):
        for process in self.processes.values():
            try:
                os.killpg(process.pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        shutil.rmtree(self.work, ignore_errors=True)
