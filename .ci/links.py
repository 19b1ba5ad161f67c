"""Names links in the documents that lead to no file, or to no heading of it."""

import pathlib, re, subprocess, sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def anchors(text):
    """The fragments of a document's headings, as forges write them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def problems(document):
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", document.read_text(), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        path, _, fragment = target.partition("#")
        file = (document.parent / path) if path else document
        if not file.exists():
            yield f"{document.relative_to(ROOT)}: {target}: there is no such file"
        elif fragment and file.suffix == ".md" and fragment not in anchors(file.read_text()):
            yield f"{document.relative_to(ROOT)}: {target}: there is no such heading"


listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
found = [problem for name in listed.stdout.split() for problem in problems(ROOT / name)]
print("\n".join(found) or "every link leads somewhere")
sys.exit(bool(found))
