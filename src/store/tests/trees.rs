//! Tree digests are what they were when they were written down; what no artifact can hold is refused by name.

use std::os::unix::{ffi::OsStrExt, net::UnixListener};

use pipe_schema::manifest::Entry;

use super::{
    super::{
        merkle,
        tree::{self, Rules},
    },
    *,
};

fn digest_of(folder: &Path) -> String {
    let nodes = tree::list(folder, Rules::Artifact).unwrap();
    tree::manifest(folder, &nodes).unwrap().digest.to_string()
}

fn refused(folder: &Path) -> String {
    let error = tree::list(folder, Rules::Artifact).unwrap_err();
    error.to_string().replace(folder.to_str().unwrap(), "TREE")
}

/// Computed by another program, in Python.
#[test]
fn tree_digests_stay_what_they_were_when_they_were_written_down() {
    type Make = fn(&Path);
    let golden: [(&str, Make, &str); 7] = [
        (
            "an empty folder",
            |_| {},
            "19cfe3e59c100c11835c2db1e6445e0517bd6018c11c6a8f1435341d83fa7cfc",
        ),
        (
            "a file",
            |it| fs::write(it.join("a"), "hello").unwrap(),
            "fc6cea32c29c22bcd51655e01ab00cfe2402a9c1e12dad9edcdef73f5d026c4b",
        ),
        (
            "an executable file",
            |it| {
                fs::write(it.join("a"), "hello").unwrap();
                fs::set_permissions(it.join("a"), fs::Permissions::from_mode(0o755)).unwrap();
            },
            "6b62022c9c578440befa67f88bb303216f0c77c3ec6408d98d2d416350d77ae3",
        ),
        (
            "an empty folder in a folder",
            |it| fs::create_dir(it.join("d")).unwrap(),
            "ea37d1af1609edb5eed05c7ada4b16466ee4ab3aa46a00df0f9a98e1636db063",
        ),
        (
            "names with letters and newlines",
            |it| {
                fs::write(it.join("größe 重.txt"), "").unwrap();
                fs::write(it.join("a\nb"), "x").unwrap();
            },
            "b7aaa13ba3117a402457a6e6793f69f84a15a68d01575b24e1f4ccc6d296fcfa",
        ),
        (
            "a link",
            |it| {
                fs::write(it.join("a"), "hello").unwrap();
                link("a", &it.join("l"));
            },
            "6d2d62a879ecf4c5e6409fde1778379365fd84de4c5cf3dad53bca360b292d82",
        ),
        (
            "a folder beside a name that sorts before its content",
            |it| {
                fs::create_dir(it.join("a")).unwrap();
                fs::write(it.join("a/b"), "1").unwrap();
                fs::write(it.join("a.b"), "2").unwrap();
            },
            "c93803ca5ff9c4d59827ae098f3a1e2e8f9fcfc160ca5387596614b3df8b23a9",
        ),
    ];
    for (name, make, digest) in golden {
        let folder = TempDir::new().unwrap();
        make(folder.path());
        assert_eq!(digest_of(folder.path()), digest, "{name}");
    }
}

#[test]
fn every_part_of_a_tree_has_the_digest_it_would_have_alone() {
    let place = Place::new();
    let record = place.make("prepare", 1, &[("schema.json", "{}"), ("test/rows", "1")]);
    let parts = ["test", "schema.json", "test/rows", "gone", ""].map(str::to_owned);
    let digests = place.store.subdigest(&main(&record), &parts).unwrap();
    assert_eq!(digests.len(), 4);
    assert_eq!(digests[""], main(&record));

    let alone = TempDir::new().unwrap();
    fs::write(alone.path().join("rows"), "1").unwrap();
    assert_eq!(digests["test"].to_string(), digest_of(alone.path()));
    let file = place.store.digest_path(&alone.path().join("rows")).unwrap();
    assert_eq!(digests["test/rows"], file.digest);
}

#[test]
fn a_change_in_one_part_leaves_the_others_as_they_are() {
    let place = Place::new();
    let one = place.make("prepare", 1, &[("train/rows", "a"), ("test/rows", "1")]);
    let two = place.make("prepare", 2, &[("train/rows", "a"), ("test/rows", "2")]);
    let parts = ["train".to_owned(), "test".to_owned()];
    let one = place.store.subdigest(&main(&one), &parts).unwrap();
    let two = place.store.subdigest(&main(&two), &parts).unwrap();
    assert_eq!(one["train"], two["train"]);
    assert_ne!(one["test"], two["test"]);
}

#[test]
fn many_large_files_have_the_digests_that_few_small_ones_would_have() {
    let folder = TempDir::new().unwrap();
    let mut entries = BTreeMap::new();
    for number in 0..40_usize {
        let bytes: Vec<u8> = (0..number * 50_000).map(|it| (it % 251) as u8).collect();
        let name = format!("{number:02}");
        fs::write(folder.path().join(&name), &bytes).unwrap();
        let sha256 = Digest(<sha2::Sha256 as sha2::Digest>::digest(&bytes).into());
        let size = bytes.len() as u64;
        entries.insert(
            name,
            Entry::File {
                size,
                executable: false,
                sha256,
            },
        );
    }
    let expected = merkle::manifest(entries).unwrap().digest.to_string();
    assert_eq!(digest_of(folder.path()), expected);
}

#[test]
fn links_that_leave_their_tree_are_told_from_those_that_stay() {
    for (path, target, leaves) in [
        ("l", "a", false),
        ("d/l", "../a", false),
        ("d/e/l", "../../a/b", false),
        ("d/l", "./../a", false),
        ("l", "../a", true),
        ("d/l", "../../a", true),
        ("l", "/etc/passwd", true),
        ("l", "a/../b", true),
        ("l", "a//b", false),
    ] {
        assert_eq!(tree::leaves(path, target), leaves, "{path} -> {target}");
    }
}

#[test]
fn what_no_artifact_can_hold_is_refused_by_name() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("d");
    fs::create_dir(&path).unwrap();

    link("/etc/hostname", &path.join("out"));
    assert_eq!(
        refused(folder.path()),
        "`TREE/d/out` is a link that leaves its folder"
    );
    fs::remove_file(path.join("out")).unwrap();

    let socket = UnixListener::bind(path.join("s")).unwrap();
    assert_eq!(refused(folder.path()), "`TREE/d/s` is a socket");
    drop(socket);
    fs::remove_file(path.join("s")).unwrap();

    nix::unistd::mkfifo(&path.join("p"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(refused(folder.path()), "`TREE/d/p` is a named pipe");
    fs::remove_file(path.join("p")).unwrap();

    fs::write(path.join(std::ffi::OsStr::from_bytes(b"a\xff")), "").unwrap();
    assert_eq!(
        refused(folder.path()),
        "`TREE/d/a\u{fffd}` has a name that is not UTF-8"
    );
}

#[test]
fn a_manifest_with_an_entry_in_no_folder_is_no_manifest() {
    let link = Entry::Link {
        target: "x".to_owned(),
    };
    assert_eq!(
        merkle::manifest([("gone/a".to_owned(), link.clone())].into()),
        None
    );
    assert_eq!(merkle::manifest([("..".to_owned(), link)].into()), None);
}

#[test]
fn a_tree_of_many_folders_is_listed_whole_and_in_order() {
    let place = Place::new();
    let mut expected = Vec::new();
    for outer in 0..40 {
        for inner in 0..3 {
            place.write(&format!("many/{outer}/{inner}/file"), "x");
            expected.push(format!("{outer}/{inner}"));
            expected.push(format!("{outer}/{inner}/file"));
        }
        expected.push(outer.to_string());
    }
    expected.sort();
    let root = place.work().join("many");
    let nodes = tree::list(&root, tree::Rules::Artifact).unwrap();
    let paths: Vec<&str> = nodes.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, expected);
    // What is wrong in one of them is told.
    link("/etc/passwd", &root.join("17/1/link"));
    let error = tree::list(&root, tree::Rules::Artifact).unwrap_err();
    assert!(error.to_string().contains("17/1/link"), "{error}");
}

#[test]
fn what_took_a_file_s_place_since_it_was_listed_is_not_read() {
    let place = Place::new();
    let file = place.write("data/a", "one");
    let folder = place.work().join("data");
    let nodes = tree::list(&folder, Rules::Source).unwrap();
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let changed = tree::manifest(&folder, &nodes).unwrap_err();
    assert!(matches!(changed, StoreError::Changing(_)), "{changed}");
}
