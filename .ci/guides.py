#!/usr/bin/env python3
"""Follows guides, and READMEs of the examples, as a newcomer does: `python3 .ci/guides.py [FILE]...`

Each begins in an empty folder, with a copy of the repository beside it (`../latchkey`) and `latchkey` on the path. In their order
- a block whose opening line names a file (as in ```js app.mjs) is written there,
- a block of sh is run; one that begins with `# a terminal of its own` goes on running,
- a block of text after it is what must have been printed: line by line, `...` standing for anything.
Other blocks (json, console) are only read.
"""

import fnmatch, os, pathlib, re, shutil, signal, subprocess, sys, tempfile, time

sys.path.insert(0, str(pathlib.Path(__file__).parent / "clients"))

from page import BLOCK
from world import BIN, ROOT, TOOLS, listening

CI = bool(os.environ.get("CI"))
OWN_TERMINAL = "# a terminal of its own\n"
# By guide: the port of Latchkey first, then those of what is started later. In the run they are others, so that nothing is in the way.
GUIDES = {
    "docs/protect-an-api.md": (8080, 9104),
    "docs/add-sign-in.md": (8080, 3000),
    "docs/single-page-app.md": (8080, 9104, 8090),
    "docs/sign-out-everywhere.md": (8080, 3000),
    "docs/test-your-app.md": (8080,),
    "examples/api-node/README.md": (8080, 9104),
    "examples/api-python/README.md": (8080, 9104),
    "examples/api-go/README.md": (8080, 9104),
    "examples/api-java/README.md": (8080, 9104),
    "examples/api-actix/README.md": (8080, 9104),
    "examples/api-axum/README.md": (8080, 9104),
    "examples/load-balancer/README.md": (8080, 9111, 9112, 9104),
}
NEEDS = {"examples/load-balancer/README.md": ["nginx"], "examples/api-go/README.md": ["go"], "examples/api-java/README.md": ["mvn", "java"]}
FIRST_PORT = int(os.environ.get("LATCHKEY_GUIDES_PORT", "9300"))
# What is built along with the workspace is not built again: the program whose source the guide has, word for word.
BUILT = {"cargo run --manifest-path orders/Cargo.toml": ("orders/src/main.rs", "examples/api-actix/src/main.rs", BIN / "api-actix")}
# Those of the workspace itself, by their names.
OF_WORKSPACE = re.compile(r"cargo run --manifest-path \.\./latchkey/Cargo\.toml -p ([\w-]+)")
DONE = "--- done"


class Guide:
    def __init__(self, name, first_port):
        self.name, self.started = name, []
        self.ports = {str(port): str(first_port + number) for number, port in enumerate(GUIDES[name])}
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="latchkey-guide-"))
        self.copy_repository(self.work / "latchkey")
        self.folder = self.work / "empty"
        self.folder.mkdir()
        latchkey = next(iter(self.ports.values()))
        settings = {"LATCHKEY_ISSUER": f"http://localhost:{latchkey}", "LATCHKEY_LISTEN": f"127.0.0.1:{latchkey}"}
        own = {name: value for name, value in os.environ.items() if not name.startswith("LATCHKEY_")}
        self.env = {**own, **settings, "PATH": f"{BIN}:{os.environ['PATH']}", "LATCHKEY": str(BIN / "latchkey"),
                    "GOCACHE": str(TOOLS / "go-build"), "GOTOOLCHAIN": "local"}
        self.shell = subprocess.Popen(["bash"], cwd=self.folder, env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      text=True, start_new_session=True)
        self.run("set -euo pipefail")

    def copy_repository(self, copy):
        """The examples with the ports of this run, and all else as it lies there."""
        copy.mkdir()
        for entry in ROOT.iterdir():
            if entry.name not in ("examples", "target"):
                (copy / entry.name).symlink_to(entry)
        ignored = shutil.ignore_patterns("node_modules", "target", "__pycache__", ".*")
        for file in pathlib.Path(shutil.copytree(ROOT / "examples", copy / "examples", ignore=ignored)).rglob("*"):
            if file.is_file():
                file.write_text(self.real(file.read_text()))

    def real(self, text):
        return re.sub(rf"\b({'|'.join(self.ports)})\b", lambda port: self.ports[port[0]], text)

    def run(self, commands):
        """In one shell from the first command to the last; what it printed."""
        self.shell.stdin.write(f"{commands}\necho; echo '{DONE}'\n")
        self.shell.stdin.flush()
        printed = []
        for line in self.shell.stdout:
            if line.strip() == DONE:
                return printed
            printed.append(line.rstrip())
        raise AssertionError(f"{commands}\nended with {self.shell.wait()}:\n" + "\n".join(printed[-30:]))

    def here(self):
        return pathlib.Path(next(line for line in self.run("pwd") if line))

    def write(self, file, text):
        path = self.here() / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def start(self, command):
        """Until one more of the ports listens."""
        for words, (file, example, program) in BUILT.items():
            if command.strip() == words:
                mine = (self.here() / file).read_text()
                assert mine == self.real((ROOT / example).read_text()), f"{file} of the guide is not {example}"
                # It has the ports of the text built in.
                command = f"env ISSUER={self.env['LATCHKEY_ISSUER']} PORT={list(self.ports.values())[-1]} {program}"
        if OF_WORKSPACE.search(command):
            # Likewise. What the command says of its port comes after, and counts.
            port = list(self.ports.values())[-1]
            command = f"env ISSUER={self.env['LATCHKEY_ISSUER']} PORT={port} " + OF_WORKSPACE.sub(lambda found: str(BIN / found[1]), command)
        before = self.listening()
        log = open(self.work / f"{len(self.started)}.log", "w")
        # With what the shell has exported since.
        exported = dict(line.split("=", 1) for line in self.run("env") if "=" in line)
        process = subprocess.Popen(["bash", "-c", f"exec {command}"], cwd=self.here(), env=exported, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        self.started.append(process)
        for _ in range(600):
            if self.listening() > before:
                return
            if process.poll() is not None:
                break
            time.sleep(0.1)
        raise AssertionError(f"{command} does not listen:\n{pathlib.Path(log.name).read_text()[-2000:]}")

    def listening(self):
        return {port for port in self.ports.values() if listening(int(port))}

    def follow(self):
        assert not self.listening(), f"in use: {self.listening()}; end what listens there, or set LATCHKEY_GUIDES_PORT"
        printed, steps = [], 0
        for language, file, text in BLOCK.findall((ROOT / self.name).read_text()):
            text = self.real(text)
            if file:
                self.write(file, text)
            elif language == "sh" and text.startswith(OWN_TERMINAL):
                self.start(text.removeprefix(OWN_TERMINAL))
            elif language == "sh":
                printed = self.run(text)
            elif language == "text":
                expect(text.splitlines(), printed)
            else:
                continue
            steps += 1
        return steps

    def end(self):
        self.shell.stdin.close()
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.started:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.shell.wait(15)
        shutil.rmtree(self.work, ignore_errors=True)


def expect(lines, printed):
    rest = iter(printed)
    for line in lines:
        wanted = "*".join(re.sub(r"([\[*?])", r"[\1]", part) for part in line.split("..."))
        assert any(fnmatch.fnmatchcase(one, wanted) for one in rest), f"not printed: {line}\n" + "\n".join(printed[-30:])


def main(names):
    passed = failed = skipped = 0
    for number, name in enumerate(names or GUIDES):
        if missing := [tool for tool in NEEDS.get(name, []) if not shutil.which(tool)]:
            print(f"  {'FAILED' if CI else 'SKIPPED'} {name}: {' and '.join(missing)} not installed", flush=True)
            failed += CI
            skipped += not CI
            continue
        guide = Guide(name, FIRST_PORT + 10 * number)
        began = time.monotonic()
        try:
            steps = guide.follow()
        except Exception as problem:
            failed += 1
            print(f"  FAILED {name}: {problem}", flush=True)
            for log in sorted(guide.work.glob("*.log")):
                print("".join(f"    | {line}\n" for line in log.read_text()[-1500:].splitlines()), end="", flush=True)
        else:
            passed += 1
            print(f"  {name}: {steps} steps in {time.monotonic() - began:.0f} s", flush=True)
        finally:
            guide.end()
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return failed


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    sys.exit(bool(main(sys.argv[1:])))
