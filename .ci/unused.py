"""Names dependencies that no source file uses, of every crate of the workspace, and versions in the workspace that no crate takes.

A dependency that is there only to switch a feature on is named in the crate's `[package.metadata.unused] features = [...]`.
"""

import pathlib, re, sys, tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent


def words(crate, *folders):
    """Every identifier of the crate's sources, comments aside."""
    found = set()
    for folder in folders:
        for file in [*crate.glob(f"{folder}/**/*.rs"), *crate.glob("build.rs")]:
            found |= set(re.findall(r"\w+", re.sub(r"//.*", "", file.read_text())))
    return found


def check(root):
    """One line for each dependency that nobody uses."""
    workspace = tomllib.loads((root / "Cargo.toml").read_text())["workspace"]
    taken, problems = set(), []
    for member in workspace["members"]:
        manifest = tomllib.loads((root / member / "Cargo.toml").read_text())
        switches = manifest["package"].get("metadata", {}).get("unused", {}).get("features", [])
        for table, folders in (("dependencies", ["src"]), ("dev-dependencies", ["src", "tests", "benches", "examples"])):
            used = words(root / member, *folders)
            for name in manifest.get(table, {}):
                taken.add(name)
                if name.replace("-", "_") not in used and name not in switches:
                    problems.append(f"{member}/Cargo.toml: {table}: nothing uses {name}")
    problems += [f"Cargo.toml: workspace.dependencies: no crate takes {name}" for name in workspace["dependencies"] if name not in taken]
    return problems


if __name__ == "__main__":
    found = check(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
    print("\n".join(found) or "every dependency is used")
    sys.exit(bool(found))
