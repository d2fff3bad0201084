//! Harms to each thing in a store, and what must come of them. Runs nothing.

use std::{fs, os::unix::fs::symlink};

use super::{
    Place,
    means::{chmod, folder_instead, remove, swap, truncate, write, zero},
};

/// What is done, which stages must run again, and a word of what is told.
pub type Case = (
    &'static str,
    fn(&Place),
    &'static [&'static str],
    &'static str,
);

pub const ALL: &[&str] = &["count", "lines", "table"];
pub const NONE: &[&str] = &[];
pub const MENDED: &str = "nothing to do";

pub const OBJECTS: &[Case] = &[
    (
        "a file cut in its middle",
        |it| truncate(&it.object("table").join("upper")),
        &["table"],
        "`upper` is not what it was",
    ),
    (
        "a file of zeros",
        |it| zero(&it.object("table").join("sub/x")),
        &["table"],
        "`sub/x` is not what it was",
    ),
    (
        "an empty file",
        |it| write(&it.object("count").join("o"), ""),
        &["count"],
        "`o` is not what it was",
    ),
    (
        "a changed file with its old time",
        |it| {
            let path = it.object("table").join("upper");
            let time = fs::metadata(&path).unwrap().modified().unwrap();
            write(&path, "TEXD\n");
            fs::File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_modified(time)
                .unwrap();
        },
        &["table"],
        "`upper` is not what it was",
    ),
    (
        "the content of a large out",
        |it| write(&it.large(), "other\n"),
        &["lines"],
        "`large.txt` is not what it was",
    ),
    (
        "files that changed places",
        |it| {
            swap(
                &it.object("table").join("upper"),
                &it.object("table").join("sub/x"),
            );
        },
        &["table"],
        "is not what it was",
    ),
    (
        "artifacts that changed places",
        |it| swap(&it.object("table"), &it.object("count")),
        &["count", "table"],
        "is damaged",
    ),
    (
        "a missing file",
        |it| remove(&it.object("table").join("upper")),
        &["table"],
        "`upper` is gone",
    ),
    (
        "a missing folder in it",
        |it| remove(&it.object("table").join("sub")),
        &["table"],
        "is gone",
    ),
    (
        "a missing artifact",
        |it| remove(&it.object("table")),
        &["table"],
        "it is gone",
    ),
    (
        "all artifacts gone",
        |it| remove(&it.store("objects")),
        ALL,
        "it is gone",
    ),
    (
        "one file more",
        |it| {
            let object = it.object("table");
            chmod(&object, 0o755);
            fs::write(object.join("new"), "mine").unwrap();
        },
        &["table"],
        "`new` does not belong to it",
    ),
    (
        "a lost executable bit",
        |it| chmod(&it.object("table").join("sub/x"), 0o444),
        &["table"],
        "`sub/x` is not what it was",
    ),
    (
        "files and folders that anybody may write",
        |it| {
            for path in ["", "upper", "sub", "sub/x"] {
                chmod(&it.object("table").join(path), 0o777);
            }
            chmod(&it.object("table").join("upper"), 0o666);
        },
        NONE,
        MENDED,
    ),
    (
        "a closed file",
        |it| chmod(&it.object("table").join("upper"), 0),
        NONE,
        MENDED,
    ),
    (
        "a closed folder in it",
        |it| chmod(&it.object("table").join("sub"), 0),
        NONE,
        MENDED,
    ),
    (
        "a closed artifact",
        |it| chmod(&it.object("count"), 0),
        NONE,
        MENDED,
    ),
    (
        "a link to the same bytes elsewhere",
        |it| {
            let object = it.object("table");
            let elsewhere = it.project.path("elsewhere");
            chmod(&object, 0o755);
            fs::rename(&object, &elsewhere).unwrap();
            symlink(&elsewhere, &object).unwrap();
        },
        &["table"],
        "it is not a folder",
    ),
    (
        "a file in its place",
        |it| {
            let path = it.object("count");
            remove(&path);
            fs::write(path, "").unwrap();
        },
        &["count"],
        "it is not a folder",
    ),
    (
        "a link that leads elsewhere",
        |it| {
            let path = it.object("table").join("link");
            remove(&path);
            symlink("upper", path).unwrap();
        },
        &["table"],
        "`link` is not what it was",
    ),
];

/// What can be made anew from the rest.
pub const HELPERS: &[Case] = &[
    (
        "stat index: cut",
        |it| zero(&it.store("index/sources")),
        NONE,
        MENDED,
    ),
    (
        "stat index: missing",
        |it| remove(&it.store("index/sources")),
        NONE,
        MENDED,
    ),
    (
        "stat index: closed",
        |it| chmod(&it.store("index/sources"), 0),
        NONE,
        MENDED,
    ),
    (
        "stat index: a folder",
        |it| folder_instead(&it.store("index/sources")),
        NONE,
        MENDED,
    ),
    (
        "all of index/ gone",
        |it| remove(&it.store("index")),
        NONE,
        MENDED,
    ),
    (
        "links gone",
        |it| remove(&it.store("current")),
        NONE,
        MENDED,
    ),
    (
        "a link to nothing",
        |it| {
            let link = it.store("current/table");
            fs::remove_file(&link).unwrap();
            symlink("../objects/none", link).unwrap();
        },
        NONE,
        MENDED,
    ),
    (
        "a file instead of a link",
        |it| {
            let link = it.store("current/table");
            fs::remove_file(&link).unwrap();
            fs::write(link, "mine").unwrap();
        },
        NONE,
        MENDED,
    ),
    (
        "a list of what a run made",
        |it| remove(&it.store("runs")),
        NONE,
        MENDED,
    ),
    ("locks gone", |it| remove(&it.store("locks")), NONE, MENDED),
    ("logs gone", |it| remove(&it.store("log")), NONE, MENDED),
    (
        "what somebody left in tmp",
        |it| {
            fs::create_dir_all(it.store("tmp/x/y")).unwrap();
            fs::write(it.store("tmp/x/y/z"), "").unwrap();
        },
        NONE,
        MENDED,
    ),
];
