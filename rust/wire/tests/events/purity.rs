//! What the crate promises about itself: it knows no Python, no runtime and no `unsafe`.

use std::path::Path;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Everything that the crate is built from: reading the lock file follows what the manifest
/// alone would not show.
#[test]
fn the_crate_depends_on_memchr_alone() {
    let manifest = read("Cargo.toml");
    let (_, after) = manifest.split_once("\n[dependencies]\n").unwrap();
    let own = after.split("\n[").next().unwrap();
    let names: Vec<&str> =
        own.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name.trim()).collect();
    assert_eq!(names, ["memchr"]);
    for kind in ["build-dependencies", "target."] {
        assert!(!manifest.contains(&format!("[{kind}")), "{kind} would go unseen here");
    }
    let lock = read("../../Cargo.lock");
    let memchr = lock.split("[[package]]").find(|package| package.contains("name = \"memchr\"")).unwrap();
    assert!(!memchr.contains("dependencies"), "memchr must bring nothing along: {memchr}");
}

#[test]
fn unsafe_code_is_forbidden() {
    assert!(read("src/lib.rs").contains("#![forbid(unsafe_code)]"));
}
