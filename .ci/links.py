"""Names what the documents point at and is not there: links to a file or a heading, files and tests named in `code`."""

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


def unknown_names(document, files, functions):
    """Source files and tests that the text names. A file may go without its crate's folders: `ui/src/browser.rs`, `browser.rs`."""
    for name in set(re.findall(r"`(?:\./)?([\w./-]+)`", document.read_text())):
        is_file = re.fullmatch(r"[\w./-]+\.(rs|ftl|sh|py)", name) or re.match(r"(crates|templates|migrations|packaging|\.ci)/", name)
        is_test = re.fullmatch(r"[a-z]+(_[a-z0-9]+){4,}", name)
        if is_file and "NAME" not in name and not any(f"/{name.strip('/')}/" in f"/{file}/" or f"/crates/{name}" == f"/{file}" for file in files):
            yield f"{document.relative_to(ROOT)}: `{name}`: there is no such file"
        if is_test and name not in functions:
            yield f"{document.relative_to(ROOT)}: `{name}`: there is no such test or function"


every = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
functions = {name for file in every if file.endswith(".rs") and (ROOT / file).exists() for name in re.findall(r"\b(?:fn|const|static|pub) (\w+)", (ROOT / file).read_text())}
listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
documents = [ROOT / name for name in listed.stdout.split()]
found = [problem for document in documents for problem in problems(document)]
guides = [document for document in documents if document.parent.name == "docs" or document.parent == ROOT]
found += [problem for document in guides for problem in unknown_names(document, every, functions)]
print("\n".join(found) or "every link leads somewhere, and every file and test that is named is there")
sys.exit(bool(found))
