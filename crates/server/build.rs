//! Links the program so that it starts with less memory, where the system can run it.

/// The first GNU C library that reads packed relative relocations (DT_RELR).
const FIRST: (u32, u32) = (2, 36);

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if reads_packed_relocations() {
        // Over a megabyte of relocations, which the loader reads whole at each start, become some ten kilobytes. A linker
        // that does not know them warns, and links as before.
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// A program that is built for another system says nothing of the library there: it is linked as usual.
#[allow(clippy::disallowed_methods)] // cargo speaks to build scripts by the environment.
fn reads_packed_relocations() -> bool {
    let said = |name| std::env::var(name).unwrap_or_default();
    let is_native = said("HOST") == said("TARGET");
    let is_gnu = said("CARGO_CFG_TARGET_ENV") == "gnu" && said("CARGO_CFG_TARGET_OS") == "linux";
    is_native && is_gnu && library().is_some_and(|version| version >= FIRST)
}

/// The version of the C library: `glibc 2.36`.
fn library() -> Option<(u32, u32)> {
    let output = std::process::Command::new("getconf")
        .arg("GNU_LIBC_VERSION")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, rest) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    let minor = rest.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
