//! What a forecast says of files is what is there once a run has restored the outs: random trees, compared with the real thing.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use pipe_schema::{
    key::{Config, KeyParts},
    record::{Observed, Record},
};
use proptest::prelude::*;
use serde_json::json;

use crate::{
    protected::ProtectedPaths,
    schedule::{sources, view::View},
    store::{Publication, Store},
};

/// The outs, and how each is written.
const OUTS: [&str; 11] = [
    "data/out",
    "one.txt",
    "deep/er/two.sh",
    "d.csv",
    "to-source",
    "to-out",
    "to-link",
    "to-folder",
    "to-nothing",
    "deep/in",
    "in-itself",
];
/// Those that are links: to sources, to outs, to one another, to nothing.
const LINKS: [(&str, &str); 7] = [
    ("to-source", "data/other.csv"),
    ("to-out", "data/out/a.csv"),
    ("to-link", "to-out"),
    ("to-folder", "data/out"),
    ("to-nothing", "nowhere"),
    ("deep/in", "er/two.sh"),
    ("in-itself", "in-itself"),
];
/// What stages may read: files, folders, what lies in outs and above them, links and patterns.
const READ: [&str; 38] = [
    ".",
    "data",
    "data/out",
    "data/out/sub",
    "data/out/sub/back",
    "data/out/a.csv",
    "data/out/near",
    "data/out/absent",
    "data/in",
    "data/other.csv",
    "one.txt",
    "deep",
    "deep/er",
    "deep/er/two.sh",
    "latest",
    "folder",
    "folder/a.csv",
    "data/*",
    "data/*.csv",
    "data/**/*.csv",
    "data/out/*.csv",
    "data/out/[as]*",
    "*.txt",
    "d*",
    "**/*.csv",
    "deep/*/two.*",
    "to-source",
    "to-out",
    "to-link",
    "to-folder",
    "to-folder/sub",
    "to-folder/a.csv",
    "to-folder/*.csv",
    "to-*",
    "to-nothing",
    "deep/in",
    "in-itself",
    "over",
];

/// What became of an out after it was made.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Kept,
    Removed,
    RemovedWithFolder,
    Edited,
    OtherKind,
    More,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        Just(Fate::Kept),
        Just(Fate::Removed),
        Just(Fate::RemovedWithFolder),
        Just(Fate::Edited),
        Just(Fate::OtherKind),
        Just(Fate::More),
    ]
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Writes the outs with what the bits of `shape` say is in them.
fn make(folder: &Path, shape: u16) {
    let has = |bit: u16| shape >> bit & 1 == 1;
    let out = folder.join("data/out");
    fs::create_dir_all(&out).unwrap();
    for (bit, name) in [
        "a.csv",
        "s.csv",
        "sub/x.csv",
        "sub/deep/y.txt",
        ".hidden.csv",
        "__pycache__/z.csv",
        "sub/.h/w.csv",
    ]
    .iter()
    .enumerate()
    {
        if has(bit as u16) {
            write(&out.join(name), name);
        }
    }
    if has(0) && has(7) {
        symlink("a.csv", out.join("near")).unwrap();
    }
    if has(2) && has(8) {
        symlink("../s.csv", out.join("sub/back")).unwrap();
    }
    if has(2) && has(9) {
        symlink("sub", out.join("also")).unwrap();
    }
    write(&folder.join("one.txt"), if has(10) { "1" } else { "one" });
    let script = folder.join("deep/er/two.sh");
    write(&script, "two");
    if has(11) {
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    }
    write(&folder.join("d.csv"), "d");
    for (name, target) in LINKS {
        symlink(target, folder.join(name)).unwrap();
    }
}

fn publish(store: &Store, folder: &Path) -> Record {
    let parts = KeyParts {
        kind: "command".to_owned(),
        revision: 1,
        config: Config::new(&json!({})).unwrap(),
        inputs: BTreeMap::new(),
        outputs: BTreeMap::new(),
        env: BTreeMap::new(),
        tools: BTreeMap::new(),
        environment: None,
        until: None,
    };
    let outs = OUTS.map(|it| (it.to_owned(), folder.join(it)));
    let publication = Publication {
        parts,
        name: "made".to_owned(),
        outputs: Vec::new(),
        outs: outs.into(),
        observed: Observed::default(),
    };
    store.publish(publication).unwrap()
}

fn remove(path: &Path) {
    let _ = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
}

fn befall(folder: &Path, out: &str, fate: Fate) {
    let path = folder.join(out);
    match fate {
        Fate::Kept => {}
        Fate::Removed => remove(&path),
        Fate::RemovedWithFolder => {
            remove(&path);
            let parent = path.parent().unwrap();
            if parent != folder {
                remove(parent);
            }
        }
        Fate::Edited | Fate::OtherKind | Fate::More if path.is_symlink() => {
            remove(&path);
            match fate {
                Fate::Edited => write(&path, "edited"),
                Fate::OtherKind => write(&path.join("a.csv"), "in a folder"),
                _ => symlink("one.txt", path).unwrap(),
            }
        }
        Fate::Edited if path.is_dir() => write(&path.join("a.csv"), "edited"),
        Fate::Edited => write(&path, "edited"),
        Fate::OtherKind if path.is_dir() => {
            remove(&path);
            write(&path, "a file");
        }
        Fate::OtherKind => {
            remove(&path);
            write(&path.join("a.csv"), "in a folder");
        }
        Fate::More if path.is_dir() => write(&path.join("more/new.csv"), "new"),
        Fate::More => fs::set_permissions(&path, fs::Permissions::from_mode(0o711)).unwrap(),
    }
}

/// All that a stage that reads the path would find there, by content and by name.
fn seen(view: &View<'_>, folder: &Path, path: &str) -> String {
    let names = |into| sources::expand(view, path, into).map_err(|it| it.message);
    let digests = |found: &[(String, std::path::PathBuf)]| -> Vec<_> {
        let digest = |path| view.digest(path).map(|it| it.digest.to_string()).ok();
        found.iter().map(|(_, path)| digest(path)).collect()
    };
    let mut text = String::new();
    for into in [false, true] {
        let found = names(into);
        let read = found.as_deref().map(digests);
        text += &format!("{found:?} {read:?}\n");
    }
    let place = folder.join(path);
    text + &format!(
        "{} {:?}",
        view.is_program(&place),
        view.executable_file(&place)
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn a_view_of_a_forecast_shows_what_a_run_restores(
        shape in any::<u16>(),
        fates in proptest::collection::vec(fate(), OUTS.len()),
        was_read in any::<bool>(),
    ) {
        let place = tempfile::tempdir().unwrap();
        let folder = &place.path().canonicalize().unwrap().join("odd [name]");
        let store = Store::open(&place.path().join("store")).unwrap();
        make(folder, shape);
        let record = publish(&store, folder);
        write(&folder.join("data/other.csv"), "other");
        symlink("data/out/a.csv", folder.join("latest")).unwrap();
        symlink("data/out", folder.join("folder")).unwrap();
        symlink("out/a.csv", folder.join("data/in")).unwrap();
        symlink("to-link", folder.join("over")).unwrap();
        for (out, fate) in OUTS.iter().zip(&fates) {
            befall(folder, out, *fate);
        }
        let view = View::of_forecast(&store, folder);
        if was_read {
            // By stages that come before.
            for it in READ {
                seen(&view, folder, it);
            }
        }
        view.restore(&"made".to_owned(), &record);
        let foreseen: Vec<String> = READ.iter().map(|it| seen(&view, folder, it)).collect();
        prop_assert!(view.take_unknown().is_empty());
        let lock = store
            .restore_outs(&ProtectedPaths::new(folder, folder, false), &record)
            .unwrap();
        store.release_outs(lock).unwrap();
        let view = View::of_run(&store, folder);
        let found = READ.iter().map(|it| seen(&view, folder, it));
        let wrong: Vec<String> = READ.iter().zip(foreseen.iter().zip(found))
            .filter(|(_, (foreseen, found))| *foreseen != found)
            .map(|(path, (foreseen, found))| format!("{path}\n{foreseen}\n{found}"))
            .collect();
        prop_assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    }
}

#[test]
fn a_view_notes_what_a_stage_would_rewrite() {
    let place = tempfile::tempdir().unwrap();
    let store = Store::open(&place.path().join("store")).unwrap();
    let folder = place.path();
    write(&folder.join("data/out.csv"), "old");
    symlink("data/out.csv", folder.join("link")).unwrap();
    let view = View::of_forecast(&store, folder);
    view.rewrite(&"made".to_owned(), &["data/out.csv".to_owned()]);
    for (path, is_unknown) in [
        ("data/out.csv", true),
        ("data", true),
        ("link", true),
        ("data/*.csv", true),
        ("data/*.json", false),
        ("data/other", false),
        ("dat", false),
    ] {
        let _ = sources::expand(&view, path, true);
        let _ = view.digest(&folder.join(path));
        assert_eq!(!view.take_unknown().is_empty(), is_unknown, "{path}");
    }
}
