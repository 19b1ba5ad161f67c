#!/usr/bin/env python3
"""Compares the CPU time that two builds of latchkey need for a request.

    .ci/compare.py OLD NEW [introspection userinfo client_credentials refresh code_flow sign_in healthz]

Both servers run side by side on core 0, each with a SQLite database of its own, and are asked in turn by `wrk` (Debian's
package wrk) from core 1. What counts is the CPU time of the server's threads (/proc/PID/task/*/schedstat): what else runs on
the machine disturbs both alike. `code_flow` is an authorization request of a browser that is signed in, and the exchange of its code,
counted as one; `sign_in` is the same from a new browser and a password on, and not asked by `wrk`, which reads one cookie
of an answer. ROUNDS and CONNECTIONS in the environment change how much is measured.
"""

import base64, glob, http.client, json, os, re, shutil, socket, statistics, subprocess, sys, tempfile, time
from urllib.parse import urlencode

ROUNDS = int(os.environ.get("ROUNDS", "10"))
CONNECTIONS = int(os.environ.get("CONNECTIONS", "16"))
SECRET = "0123456789012345678901234567890123"
PASSWORD = "a password of all users"
BASIC = "Basic " + base64.b64encode(f"app:{SECRET}".encode()).decode()
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CALLBACK = "https://app.example/cb"
# RFC 7636 B.
CHALLENGE, VERIFIER = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
AUTHORIZE = "/authorize?" + urlencode({
    "client_id": "app", "redirect_uri": CALLBACK, "response_type": "code", "code_challenge": CHALLENGE,
    "scope": "openid profile email offline_access", "code_challenge_method": "S256",
})
EXCHANGE = urlencode({"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER})
SCENARIOS = ["client_credentials", "refresh", "userinfo", "introspection", "code_flow", "sign_in", "healthz"]
# Those that ask for codes: what one has been given makes its next code dearer, and hardly any browser asks for 20.
BROWSERS = 500
# A user has no more than 200 sessions.
USERS = [f"user-{n}" for n in range(BROWSERS // 100)]
# The sign-ins of a turn. Hashing the password is most of one.
SIGN_INS = 25


class Server:
    def __init__(self, program):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.folder = tempfile.mkdtemp(prefix="latchkey-compare-")
        self.issuer = f"http://127.0.0.1:{port}"
        self.program = os.path.abspath(program)
        self.settings = dict(
            os.environ,
            LATCHKEY_ISSUER=self.issuer,
            LATCHKEY_LISTEN=f"127.0.0.1:{port}",
            LATCHKEY_DATABASE_URL=f"sqlite://{self.folder}/latchkey.db",
            LATCHKEY_KEYS_DIR=f"{self.folder}/keys",
        )
        self.command("migrate")
        client = {
            "client_id": "app", "client_secret": SECRET, "trusted": True, "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        }
        self.command("client", "create", "--from", "-", stdin=json.dumps(client))
        for user in USERS:
            self.command("user", "create", user, "--email", f"{user}@app.example", "--password-stdin", stdin=PASSWORD)
        log = open(f"{self.folder}/log", "w")
        self.process = subprocess.Popen(
            ["taskset", "-c", "0", self.program, "serve"], env=self.settings, cwd=self.folder, stderr=log
        )
        for _ in range(400):
            try:
                self.http = http.client.HTTPConnection("127.0.0.1", port)
                if self.send("GET", "/readyz")[0].status == 200:
                    return
            except OSError:
                time.sleep(0.05)
        sys.exit(f"{program} does not become ready; see {self.folder}/log")

    def command(self, *arguments, stdin=""):
        done = subprocess.run(
            [self.program, *arguments], env=self.settings, cwd=self.folder, input=stdin, text=True, capture_output=True
        )
        if done.returncode:
            sys.exit(f"{arguments}: {done.stderr}")

    def send(self, method, path, body=None, headers={}):
        self.http.request(method, path.removeprefix(self.issuer), body, headers)
        answer = self.http.getresponse()
        return answer, answer.read().decode()

    def tokens(self, user=USERS[0]):
        """Signs in with a new browser, and exchanges the code."""
        cookies = {}

        def browse(method, path, form=None):
            headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())} if cookies else {}
            if form:
                headers |= FORM | {"Origin": self.issuer, "Sec-Fetch-Site": "same-origin"}
            answer, page = self.send(method, path, urlencode(form) if form else None, headers)
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie":
                    cookies.update([value.split(";")[0].split("=", 1)])
            return answer.getheader("Location"), page

        to, _ = browse("GET", AUTHORIZE)
        _, page = browse("GET", to)
        csrf = re.search('name="csrf" value="([^"]+)"', page).group(1)
        to, _ = browse("POST", to, {"csrf": csrf, "username": user, "password": PASSWORD})
        if "code=" not in to:
            to, _ = browse("GET", to)
        self.cookies = "; ".join(f"{k}={v}" for k, v in cookies.items())
        code = to.split("code=")[1].split("&")[0]
        return json.loads(self.send("POST", "/token", f"{EXCHANGE}&code={code}", FORM | {"Authorization": BASIC})[1])

    def prepare(self, scenario):
        """Writes what wrk sends."""
        self.scenario, self.wrk_threads, self.answers = scenario, 1, 1
        if scenario == "refresh":
            # A thread of wrk holds one connection and one family.
            self.wrk_threads, self.path = CONNECTIONS, "/token"
            with open(f"{self.folder}/tokens", "w") as file:
                file.writelines(self.tokens()["refresh_token"] + "\n" for _ in range(CONNECTIONS))
            script = REFRESH.replace("@TOKENS@", f"{self.folder}/tokens").replace("@BASIC@", BASIC)
        elif scenario == "code_flow":
            # A thread of wrk holds one connection.
            self.wrk_threads, self.path, self.answers = CONNECTIONS, "/", 2
            browsers = []
            for n in range(BROWSERS):
                self.tokens(USERS[n % len(USERS)])
                browsers.append(f"'{self.cookies}'")
            script = FLOW.replace("@BROWSERS@", ", ".join(browsers)).replace("@BASIC@", BASIC)
            script = script.replace("@AUTHORIZE@", AUTHORIZE).replace("@EXCHANGE@", EXCHANGE)
        elif scenario == "sign_in":
            return
        else:
            access = self.tokens()["access_token"]
            method, self.path, headers, body = {
                "introspection": ("POST", "/introspect", FORM | {"Authorization": BASIC}, "token=" + access),
                "userinfo": ("GET", "/userinfo", {"Authorization": "Bearer " + access}, ""),
                "client_credentials": ("POST", "/token", FORM | {"Authorization": BASIC}, "grant_type=client_credentials"),
                "healthz": ("GET", "/healthz", {}, ""),
            }[scenario]
            script = f"wrk.method = '{method}'\nwrk.body = '{body}'\n"
            script += "".join(f"wrk.headers['{name}'] = '{value}'\n" for name, value in headers.items())
        open(f"{self.folder}/wrk.lua", "w").write(script)

    def cpu_seconds(self):
        files = glob.glob(f"/proc/{self.process.pid}/task/*/schedstat")
        return sum(int(open(file).read().split()[0]) for file in files) / 1e9

    def load(self):
        """Requests for each second of CPU, and the median time of one (the mean of a sign-in) in milliseconds."""
        before = self.cpu_seconds()
        if self.scenario == "sign_in":
            begun = time.monotonic()
            for _ in range(SIGN_INS):
                self.tokens()
            return SIGN_INS / (self.cpu_seconds() - before), (time.monotonic() - begun) / SIGN_INS * 1e3
        wrk = ["taskset", "-c", "1", "wrk", "-t", str(self.wrk_threads), "-c", str(CONNECTIONS), "-d", "1s", "--latency"]
        out = subprocess.run([*wrk, "-s", f"{self.folder}/wrk.lua", self.issuer + self.path], capture_output=True, text=True)
        if "Non-2xx" in out.stdout or out.returncode:
            sys.exit(out.stdout + out.stderr)
        requests = int(re.search(r"(\d+) requests in", out.stdout).group(1)) / self.answers
        median, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", out.stdout).groups()
        return requests / (self.cpu_seconds() - before), float(median) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]

    def end(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)


REFRESH = """
local tokens, threads = {}, {}
for line in io.lines('@TOKENS@') do tokens[#tokens + 1] = line end
function setup(thread) threads[#threads + 1] = thread; thread:set('token', tokens[#threads]) end
function request()
  local headers = { ['Authorization'] = '@BASIC@', ['Content-Type'] = 'application/x-www-form-urlencoded' }
  return wrk.format('POST', '/token', headers, 'grant_type=refresh_token&refresh_token=' .. token)
end
function response(status, headers, body) token = body:match('"refresh_token":"([^"]+)"') or token end
function done()
  local file = io.open('@TOKENS@', 'w')
  for _, thread in ipairs(threads) do file:write(thread:get('token') .. '\\n') end
  file:close()
end
"""

# The code of an answer is exchanged by the next request.
FLOW = """
local browsers, code = { @BROWSERS@ }, nil
function init() math.randomseed(tonumber(tostring({}):match('0x(%x+)'), 16)) end
function request()
  if code then
    local headers = { ['Authorization'] = '@BASIC@', ['Content-Type'] = 'application/x-www-form-urlencoded' }
    return wrk.format('POST', '/token', headers, '@EXCHANGE@&code=' .. code)
  end
  return wrk.format('GET', '@AUTHORIZE@', { ['Cookie'] = browsers[math.random(#browsers)] })
end
function response(status, headers, body)
  if code then
    if not body:find('access_token', 1, true) then error(body) end
    code = nil
  else
    code = (headers['location'] or error(body)):match('code=([^&]+)')
  end
end
"""


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    servers = [Server(program) for program in sys.argv[1:3]]
    try:
        for scenario in sys.argv[3:] or SCENARIOS:
            for server in servers:
                server.prepare(scenario)
                server.load()
            rates, times = ([], []), ([], [])
            for turn in range(ROUNDS):
                for n in (0, 1) if turn % 2 else (1, 0):
                    rate, median = servers[n].load()
                    rates[n].append(rate)
                    times[n].append(median)
            ratios = [new / old for old, new in zip(*rates)]
            old, new = map(statistics.median, rates)
            print(
                f"{scenario}: {old:.0f} and {new:.0f} per CPU-s, new / old {statistics.median(ratios):.3f} "
                f"({min(ratios):.3f} to {max(ratios):.3f}); p50 %.3f and %.3f ms" % tuple(map(statistics.median, times)),
                flush=True,
            )
    finally:
        for server in servers:
            server.end()


main()
