#!/usr/bin/env python3
"""Files and functions stay short, and each file says at its head what it is for: .ci/sizes.py"""
import re
import subprocess
import sys
from pathlib import Path

FILE = 400  # lines of a file
LONGEST = 70  # lines of a function in src/
USUAL = 25  # nine of ten functions in src/ have fewer lines

BEGINS = re.compile(
    r'^( *)(?:pub(?:\([^)]*\))? )?(?:default )?(?:const )?(?:async )?(?:unsafe )?(?:extern "\w+" )?fn (\w+)'
)


def functions(lines):
    """Line, name and length of each function with a body. rustfmt puts its end under its beginning."""
    for at, line in enumerate(lines):
        begins = BEGINS.match(line)
        if not begins or line.endswith(";"):
            continue
        if line.endswith("}"):
            yield at + 1, begins[2], 1
            continue
        indent = begins[1]
        for end in range(at + 1, len(lines)):
            if lines[end] == indent + "}":
                yield at + 1, begins[2], end - at + 1
            elif not (lines[end].startswith(indent) and lines[end].startswith(");", len(indent))):
                continue
            break


def main():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.rs"], capture_output=True, text=True, check=True
    )
    problems, lengths = [], []
    for path in map(Path, listed.stdout.split()):
        if not path.exists():
            continue
        lines = path.read_text().splitlines()
        if not lines or not lines[0].startswith("//!"):
            problems.append(f"{path}:1: begins without `//!` and a sentence that says what the file is for")
        if len(lines) >= FILE:
            problems.append(f"{path}: {len(lines)} lines; split it, a file has fewer than {FILE}")
        # The suite that any store must pass is tests, wherever it lies.
        if "src" not in path.parts or path.parts[:2] == ("crates", "conformance"):
            continue
        for at, name, length in functions(lines):
            lengths.append(length)
            if length > LONGEST:
                problems.append(f"{path}:{at}: {name} has {length} lines; split it, a function has at most {LONGEST}")
    usual = sum(length < USUAL for length in lengths)
    if usual * 10 < len(lengths) * 9:
        problems.append(f"{usual} of {len(lengths)} functions have fewer than {USUAL} lines: nine of ten should")
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(lengths)} functions, {100 * usual / len(lengths):.1f} % of them under {USUAL} lines, the longest {max(lengths)}")
    return 1 if problems else 0


sys.exit(main())
