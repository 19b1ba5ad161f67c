#!/usr/bin/env python3
"""The administration API from outside, against a real `latchkey serve`: a client that openapi-python-client generates from the
OpenAPI document is used, and schemathesis holds the calls against the document.

    python3 .ci/api/run.py
"""

import base64, json, os, pathlib, subprocess, sys, time, urllib.error, urllib.parse, urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BIN = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug" / "latchkey"
TOOLS = pathlib.Path(os.environ.get("LATCHKEY_TOOLS", ROOT / "target" / "tools"))
PORT = int(os.environ.get("LATCHKEY_API_PORT", "9390"))
ISSUER = f"http://127.0.0.1:{PORT}"
API = f"{ISSUER}/admin/api/v1"
# What schemathesis may take, in seconds.
BUDGET = 75

sys.path.insert(0, str(ROOT / ".ci"))
from processes import Processes


def enter():
    """Goes on in an environment of its own, which has the generator and schemathesis."""
    home, stamp = TOOLS / "api", TOOLS / "api" / "installed"
    wanted = (HERE / "requirements.txt").read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        pip = [str(home / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(HERE / "requirements.txt")], check=True)
        stamp.write_text(wanted)
    if pathlib.Path(sys.prefix).resolve() != home.resolve():
        os.execv(str(home / "bin" / "python"), [str(home / "bin" / "python"), *sys.argv])


def wait():
    for _ in range(300):
        try:
            return urllib.request.urlopen(f"{ISSUER}/readyz", timeout=5).read()
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise SystemExit("latchkey serve does not answer")


def register(env, metadata):
    command = [str(BIN), "client", "create", "--from", "-"]
    made = subprocess.run(command, env={**os.environ, **env}, input=json.dumps(metadata), text=True, capture_output=True)
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)


def token(client, scope):
    basic = base64.b64encode(f"{client['client_id']}:{client['client_secret']}".encode()).decode()
    form = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": scope}).encode()
    request = urllib.request.Request(f"{ISSUER}/token", form, {"Authorization": f"Basic {basic}"})
    return json.load(urllib.request.urlopen(request, timeout=10))["access_token"]


def generate(work):
    """A client, made from the document that the server gives out."""
    document = urllib.request.urlopen(f"{ISSUER}/admin/api/openapi.json", timeout=10).read()
    pathlib.Path(work, "openapi.json").write_bytes(document)
    generator = pathlib.Path(sys.prefix) / "bin" / "openapi-python-client"
    pathlib.Path(work, "config.yml").write_text("post_hooks: []\n")
    command = [str(generator), "generate", "--path", "openapi.json", "--output-path", "generated", "--meta", "none", "--config", "config.yml", "--fail-on-warning"]
    made = subprocess.run(command, cwd=work, text=True, capture_output=True)
    assert made.returncode == 0, made.stdout + made.stderr
    sys.path.insert(0, work)


def use(bearer):
    """Creates, lists, changes, conflicts and deletes with the generated client alone."""
    from generated import AuthenticatedClient
    from generated.api.users import create_user, delete_user, get_user, list_users, update_user
    from generated.api.clients import create_client
    from generated.models import ClientToRegister, ProblemDetails, User, UserChange, UserToCreate

    client = AuthenticatedClient(base_url=API, token=bearer, raise_on_unexpected_status=True)
    made = create_user.sync_detailed(client=client, body=UserToCreate(username="minji", email="minji@example.org"), idempotency_key="k-1")
    assert made.status_code == 201 and isinstance(made.parsed, User), made
    again = create_user.sync(client=client, body=UserToCreate(username="minji", email="minji@example.org"), idempotency_key="k-1")
    assert again == made.parsed
    taken = create_user.sync(client=client, body=UserToCreate(username="minji"))
    assert isinstance(taken, ProblemDetails) and taken.code == "conflict" and taken.errors[0].field == "username", taken
    for number in range(5):
        assert isinstance(create_user.sync(client=client, body=UserToCreate(username=f"user{number}")), User)
    names, cursor = [], None
    while True:
        piece = list_users.sync(client=client, limit=2, **({"cursor": cursor} if cursor else {}))
        names += [user.username for user in piece.items]
        cursor = piece.next_
        if cursor is None:
            break
    assert names == ["minji", *[f"user{number}" for number in range(5)]], names
    read = get_user.sync_detailed(made.parsed.sub, client=client)
    etag = read.headers["etag"]
    after = update_user.sync_detailed(made.parsed.sub, client=client, body=UserChange(name="Kim Minji"), if_match=etag)
    assert after.parsed.name == "Kim Minji", after
    stale = update_user.sync(made.parsed.sub, client=client, body=UserChange(name="x"), if_match=etag)
    assert isinstance(stale, ProblemDetails) and stale.status == 412, stale
    gone = delete_user.sync_detailed(made.parsed.sub, client=client, if_match=after.headers["etag"])
    assert gone.status_code == 204, gone
    app = create_client.sync(client=client, body=ClientToRegister.from_dict({"client_id": "sample", "redirect_uris": ["https://app.example/callback"]}))
    assert app.client_id == "sample" and app.client_secret, app
    print("  openapi-python-client: generated; created, listed, changed, conflicted and deleted", flush=True)


def probe(work, bearer):
    """Schemathesis: whatever is sent, the answer is one that is documented, and nothing is let in without a token."""
    schemathesis = pathlib.Path(sys.prefix) / "bin" / "schemathesis"
    command = [
        str(schemathesis), "--no-color", "--config-file", str(HERE / "schemathesis.toml"), "run", "openapi.json", "--url", API, "--header", f"Authorization: Bearer {bearer}",
        "--phases", "examples,coverage,fuzzing", "--max-examples", "2", "--generation-deterministic", "--max-time", str(BUDGET), "--request-timeout", "10",
        "--no-shrink", "--warnings", "off", "--rate-limit", "100/s",
        # Names that are taken and addresses that are none are no matter of a schema.
        "--exclude-checks", "positive_data_acceptance",
        # Each makes a key, which takes a good part of a second.
        "--exclude-operation-id", "rotateKey",
    ]
    ran = subprocess.run(command, cwd=work, env={**os.environ, "SCHEMATHESIS_HOOKS": str(HERE / "hooks.py")}, text=True, capture_output=True)
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:]
    cases = next(line.strip() for line in ran.stdout.splitlines() if "generated" in line and line.strip()[:1].isdigit())
    print(f"  schemathesis: {cases}", flush=True)


def main():
    with Processes("api") as started:
        env = {"LATCHKEY_ISSUER": ISSUER, "LATCHKEY_LISTEN": f"127.0.0.1:{PORT}", "LATCHKEY_DATABASE_URL": f"sqlite://{started.work}/db",
               "LATCHKEY_KEYS_DIR": f"{started.work}/keys"}
        started.start("latchkey", [str(BIN), "serve"], env)
        wait()
        ops = register(env, {"client_id": "ops", "grant_types": ["client_credentials"], "scope": "latchkey.read latchkey.write"})
        bearer = token(ops, "latchkey.write")
        generate(started.work)
        use(bearer)
        probe(started.work, bearer)
        # What it did is in the chain, and the chain holds.
        request = urllib.request.Request(f"{API}/audit/verification", headers={"Authorization": f"Bearer {token(ops, 'latchkey.read')}"})
        verdict = json.load(urllib.request.urlopen(request, timeout=60))
        assert verdict["holds"], verdict
    print("3 passed, 0 failed")


if __name__ == "__main__":
    enter()
    main()
