"""Runs the tests of examples/testing, each of which starts `latchkey dev` by itself. Those of cargo run with all the others."""

import os, subprocess, sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
EXAMPLES = os.path.join(ROOT, "examples", "testing")
LATCHKEY = os.path.join(ROOT, os.environ.get("CARGO_TARGET_DIR", "target"), "debug", "latchkey")

for name, command in (("pytest", [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]), ("node", ["node", "--test"])):
    print(f"  tests of an app: {name}", flush=True)
    # No setting of whoever runs this is one of theirs.
    env = {key: value for key, value in os.environ.items() if not key.startswith("LATCHKEY_")}
    done = subprocess.run(command, cwd=os.path.join(EXAMPLES, name), env={**env, "LATCHKEY": LATCHKEY}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{done.stdout}\n{done.stderr}")
