//! Which outs are refused, and what for.

use std::os::unix::fs::symlink;

use super::*;

struct Project {
    _keeper: tempfile::TempDir,
    outside: PathBuf,
    protected: ProtectedPaths,
}

/// A project with a store, a spec in a folder of its own, a repository, and a folder beside it.
fn project() -> Project {
    let keeper = tempfile::tempdir().unwrap();
    let top = keeper.path().canonicalize().unwrap();
    let (root, outside) = (top.join("project"), top.join("outside"));
    for folder in ["artifacts", "specs/inc", "sub/.git", "free", ".git"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::create_dir(&outside).unwrap();
    for file in ["specs/pipe.yaml", "specs/inc/common.yaml", "free/data"] {
        fs::write(root.join(file), "x").unwrap();
    }
    let mut protected = ProtectedPaths::new(&root, &root, false);
    protected.add(root.join("artifacts"), "the store");
    protected.add(root.join("registry"), "the registry");
    protected.add(root.join("specs/pipe.yaml"), "the spec");
    protected.add(root.join("specs/inc/common.yaml"), "an include");
    Project {
        _keeper: keeper,
        outside,
        protected,
    }
}

fn reason(project: &Project, out: &str) -> String {
    match project.protected.look().full(out) {
        Ok(_) => "free".to_owned(),
        Err(refusal) => refusal.reason,
    }
}

#[test]
fn protected_paths_are_refused_and_so_is_what_holds_them_and_lies_in_them() {
    let project = project();
    for (out, expected) in [
        ("free", "free"),
        ("free/data", "free"),
        ("new/deep/out", "free"),
        ("artifacts-2", "free"),
        ("artifacts", "is the store"),
        ("artifacts/x/y", "lies in the store"),
        ("registry", "is the registry"),
        ("registry/x", "lies in the registry"),
        ("specs", "holds the spec"),
        ("specs/pipe.yaml", "is the spec"),
        ("specs/inc", "holds an include"),
        (".git", "is `.git`, where version control is kept"),
        (".GIT", "is `.GIT`, where version control is kept"),
        (
            ".git/config",
            "lies in `.git`, where version control is kept",
        ),
        ("a/.hg/x", "lies in `.hg`, where version control is kept"),
        ("sub", "holds `.git`, where version control is kept"),
        (".", "holds the store"),
    ] {
        assert_eq!(reason(&project, out), expected, "{out}");
    }
    for outside in ["..", "../outside/x", "/tmp/x"] {
        let found = reason(&project, outside);
        assert!(found.ends_with("outside the project"), "{outside}: {found}");
    }
}

#[test]
fn links_are_followed_to_where_an_out_really_lies() {
    let project = project();
    let root = project.protected.folder().to_owned();
    let link = |target: &Path, name: &str| symlink(target, root.join(name)).unwrap();
    link(&project.outside, "away");
    link(&project.outside.join("nothing/yet"), "dangling");
    link(Path::new("artifacts"), "kept");
    link(Path::new("free"), "near");
    link(Path::new("round"), "round");
    link(Path::new("sub"), "hidden");
    fs::hard_link(root.join("specs/pipe.yaml"), root.join("same.yaml")).unwrap();
    for out in ["away/x", "dangling/x", "near/../../outside"] {
        let found = reason(&project, out);
        assert!(found.ends_with("outside the project"), "{out}: {found}");
    }
    for out in ["away", "dangling"] {
        assert_eq!(
            reason(&project, out),
            "is a link that leads out of the project"
        );
    }
    assert_eq!(reason(&project, "kept"), "is the store");
    assert_eq!(reason(&project, "kept/x"), "lies in the store");
    assert_eq!(reason(&project, "same.yaml"), "is the spec");
    assert_eq!(
        reason(&project, "hidden/.git/x"),
        "lies in `.git`, where version control is kept"
    );
    assert_eq!(reason(&project, "near/x"), "free");
    assert_eq!(reason(&project, "near"), "free");
    assert_eq!(reason(&project, "round"), "free");
    assert!(reason(&project, "round/x").starts_with("cannot be followed"));
    let place = project.protected.look().full("near/x").unwrap();
    assert_eq!(place, root.join("free/x"));
}

#[test]
fn outs_outside_are_allowed_when_asked_for_but_never_what_is_protected() {
    let mut project = project();
    project.protected.allow_outside = true;
    assert_eq!(reason(&project, "../outside/x"), "free");
    assert_eq!(reason(&project, ".."), "holds the store");
    assert_eq!(reason(&project, "/"), "holds the store");
    let found = reason(&project, "../outside/.svn");
    assert!(found.contains("version control"), "{found}");
}
