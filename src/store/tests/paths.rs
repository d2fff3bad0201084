//! Names of every kind, as long as they may be: what was captured comes back as it was, or is refused by name.

use proptest::{prelude::*, sample::select};
use rustix::fs::{CWD, Mode, OFlags};

use super::{
    super::tree::{self, Rules},
    outs::{command, restore},
    *,
};

/// The longest name that file systems take.
const MAX_BYTES: usize = 255;

/// What a command may make.
#[derive(Clone, Debug)]
enum Thing {
    File(Vec<u8>, bool),
    Folder,
    Link(String),
    /// Another name for the file of this number, if there is one.
    Again(usize),
}

fn thing() -> impl Strategy<Value = Thing> {
    prop_oneof![
        4 => (prop::collection::vec(any::<u8>(), 0..20), any::<bool>())
            .prop_map(|(it, executable)| Thing::File(it, executable)),
        2 => Just(Thing::Folder),
        1 => "[a-c]{1,2}(/[a-c])?".prop_map(Thing::Link),
        1 => (0..4_usize).prop_map(Thing::Again),
    ]
}

fn name() -> impl Strategy<Value = String> {
    let odd = vec![
        "-rf",
        " ",
        "a b ",
        "\n",
        "line\nline\n",
        "\t",
        "\u{1b}[31mred",
        "\u{7f}",
        "e\u{301}",
        "\u{e9}",
        "\u{202e}txt.exe",
        "\u{feff}",
        "🦀",
        "日本語",
        "...",
        "..a",
        ".hidden",
        "~",
        "$HOME",
        "`id`",
        "*?[a]",
        "a\\b",
        "'\"",
        "%2F",
        "a%~b",
        "CON",
        "NUL:",
        "__pycache__",
        ".git",
        "x.pipe-copy",
        "manifest.json",
    ];
    prop_oneof![
        4 => "[a-c]{1,2}",
        3 => "[^/\u{0}]{1,20}".prop_filter("a name of its own", |it| it != "." && it != ".."),
        2 => select(odd).prop_map(str::to_owned),
        1 => (1..=MAX_BYTES).prop_map(|it| "x".repeat(it)),
        1 => (1..=MAX_BYTES / 2).prop_map(|it| "ü".repeat(it)),
        1 => Just("l".repeat(MAX_BYTES)),
    ]
}

/// Makes as much of it as can be made.
fn make(folder: &Path, things: &[(Vec<String>, Thing)]) {
    fs::create_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = Vec::new();
    for (names, thing) in things {
        let path = folder.join(names.join("/"));
        if fs::create_dir_all(path.parent().unwrap()).is_err()
            || fs::symlink_metadata(&path).is_ok()
        {
            continue;
        }
        match thing {
            Thing::File(bytes, executable) => {
                fs::write(&path, bytes).unwrap();
                let mode = if *executable { 0o755 } else { 0o644 };
                fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
                files.push(path);
            }
            Thing::Folder => fs::create_dir(&path).unwrap(),
            Thing::Link(target) => link(target, &path),
            Thing::Again(number) => {
                if let Some(file) = files.get(*number) {
                    fs::hard_link(file, &path).unwrap();
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn restoring_what_was_captured_gives_the_same_tree(
        out in name().prop_filter("version control is never an out", |it| it != ".git"),
        things in prop::collection::vec((prop::collection::vec(name(), 1..5), thing()), 0..12)
    ) {
        let place = Place::new();
        let folder = place.work().join(&out);
        let record = command(&place, 1, &[&out], || make(&folder, &things));
        let before = picture(&folder);
        removal::remove_tree(&folder).unwrap();
        prop_assert_eq!(restore(&place.store, &place, &record).unwrap(), 1);
        prop_assert_eq!(picture(&folder), before);
        prop_assert_eq!(restore(&place.store, &place, &record).unwrap(), 0);
        // Another process believes none of it unread.
        prop_assert_eq!(place.reopened().verify(&mut |_, _| {}).unwrap().damage, []);
    }

    #[test]
    fn a_published_folder_holds_what_was_written_to_it(
        things in prop::collection::vec((prop::collection::vec(name(), 1..5), thing()), 0..12)
    ) {
        let place = Place::new();
        let (attempt, mut publication) = written(&place.store, "s", 1, &[]);
        let folder = attempt.output("other");
        make(&folder, &things);
        let before = picture(&folder);
        publication.outputs[0].2.clone_from(&folder);
        let record = place.store.publish(publication).unwrap();
        drop(attempt);
        prop_assert_eq!(picture(&place.object(&record)), before);
        assert_fresh(&place.reopened(), &key(1));
        prop_assert_eq!(place.reopened().verify(&mut |_, _| {}).unwrap().damage, []);
    }
}

#[test]
fn a_long_name_and_one_like_ours_may_have_other_names_elsewhere() {
    let place = Place::new();
    let (attempt, publication) = written(&place.store, "s", 1, &[("x.pipe-copy", "mine")]);
    let folder = attempt.output("main");
    let long = folder.join("l".repeat(MAX_BYTES));
    fs::write(&long, "long").unwrap();
    fs::write(folder.join("x"), "x").unwrap();
    for (at, path) in [&long, &folder.join("x"), &folder.join("x.pipe-copy")]
        .iter()
        .enumerate()
    {
        fs::hard_link(path, place.work().join(at.to_string())).unwrap();
    }
    let record = place.store.publish(publication).unwrap();
    let found = picture(&place.object(&record));
    assert_eq!(found.len(), 3);
    assert_eq!(found["x.pipe-copy"], format!("false {:?}", b"mine"));
    fs::write(place.work().join("0"), "another").unwrap();
    assert_fresh(&place.reopened(), &key(1));
}

#[test]
fn what_a_killed_job_left_under_the_longest_name_is_kept_aside() {
    let place = Place::new();
    for name in ["l".repeat(MAX_BYTES), "ü".repeat(MAX_BYTES / 2)] {
        let claim = || {
            place
                .reopened()
                .clear_outs(&place.protected(), std::slice::from_ref(&name), None)
        };
        let lock = claim().unwrap();
        place.write(&name, "half");
        drop(lock);
        drop(claim().unwrap());
        assert!(!place.work().join(&name).exists());
    }
    assert_eq!(place.store.quarantined().unwrap(), 2);
}

/// Folders in folders, deeper than any path that the system takes at once.
fn make_deep(top: &Path, depth: usize) {
    fs::create_dir(top).unwrap();
    let name = "d".repeat(200);
    let flags = OFlags::DIRECTORY | OFlags::RDONLY;
    let mut folder = rustix::fs::openat(CWD, top, flags, Mode::empty()).unwrap();
    for _ in 0..depth {
        rustix::fs::mkdirat(&folder, &name, Mode::RWXU).unwrap();
        folder = rustix::fs::openat(&folder, &name, flags, Mode::empty()).unwrap();
    }
}

#[test]
fn a_tree_that_is_too_deep_is_refused_and_nothing_of_it_stays() {
    let place = Place::new();
    for depth in [19, 20, 21, 40] {
        let (attempt, mut publication) = written(&place.store, "s", 1, &[]);
        let folder = attempt.output("other");
        make_deep(&folder, depth);
        publication.outputs[0].2.clone_from(&folder);
        let published = place.store.publish(publication);
        drop(attempt);
        match published {
            // It is not too deep for us.
            Ok(_) => {
                assert!(depth < 21);
                assert_fresh(&place.reopened(), &key(1));
                unwrite_record(&place.store, &key(1));
            }
            Err(error) => {
                assert!(depth > 19, "{error}");
                assert!(error.to_string().ends_with("file name too long"), "{error}");
                assert_eq!(error.hint().unwrap(), "use shorter names");
                assert_eq!(stale(&place.reopened(), &key(1)), "");
            }
        }
        let left = walkdir::WalkDir::new(place.store.layout.scratch())
            .into_iter()
            .flatten();
        assert!(
            !left
                .into_iter()
                .any(|it| it.file_name().to_string_lossy().starts_with('d'))
        );
        place.make("s", 1, &[("a", "a")]);
        assert_fresh(&place.reopened(), &key(1));
        unwrite_record(&place.store, &key(1));
    }
}

#[test]
fn an_out_that_is_too_deep_to_be_copied_is_refused_and_can_be_removed() {
    let place = Place::new();
    let out = ["out".to_owned()];
    for depth in [30, 40] {
        let lock = place
            .store
            .clear_outs(&place.protected(), &out, None)
            .unwrap();
        make_deep(&place.work().join("out"), depth);
        let publication = Publication {
            parts: parts(1),
            name: "stage".to_owned(),
            outputs: Vec::new(),
            outs: vec![("out".to_owned(), place.work().join("out"))],
            observed: seen("s"),
        };
        let error = place.store.publish(publication).unwrap_err();
        assert!(error.to_string().ends_with("file name too long"), "{error}");
        place.store.leave_outs(lock).unwrap();
        assert_eq!(stale(&place.reopened(), &key(1)), "");
    }
    command(&place, 1, &["out"], || drop(place.write("out", "1")));
    assert_fresh(&place.reopened(), &key(1));
    assert!(tree::list(&place.work(), Rules::Source).is_ok());
}
