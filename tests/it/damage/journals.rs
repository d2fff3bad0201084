//! Harms to journals and single frames of them, and what must come of each. Runs nothing.

use crate::journal::journals;

use super::{
    cases::{Case, MENDED, NONE},
    means::{chmod, folder_instead, remove, write, zero},
};

pub const JOURNALS: &[Case] = &[
    (
        "a record: a byte",
        |it| it.record("table").harm(|it| it[9] ^= 1),
        &["table"],
        "its checksum is wrong",
    ),
    (
        "a record: zeros",
        |it| it.record("table").harm(|it| it.fill(0)),
        &["table"],
        "its checksum is wrong",
    ),
    (
        "a record: edited",
        |it| {
            it.record("count").harm(|it| {
                let at = it.windows(3).position(|it| it == b"\"o\"").unwrap();
                it[at + 1] = b'u';
            });
        },
        &["count"],
        "its checksum is wrong",
    ),
    (
        "a record: in the place of another",
        |it| {
            let one = it.record("table").content;
            it.record("count").harm(|it| {
                let length = it.len().min(one.len());
                it[..length].copy_from_slice(&one[..length]);
            });
        },
        &["count"],
        "its checksum is wrong",
    ),
    (
        "a record: its head",
        |it| {
            let frame = it.record("table");
            frame.change(|it| it[frame.range.start + 40] = b'?');
        },
        NONE,
        MENDED,
    ),
    (
        "a record: missing",
        |it| it.record("table").remove(),
        &["table"],
        "its record was removed",
    ),
    (
        "a small out: a byte",
        |it| it.small().harm(|it| *it.last_mut().unwrap() ^= 1),
        &["lines"],
        "its content is not what it was",
    ),
    (
        "a small out: zeros",
        |it| it.small().harm(|it| it.fill(0)),
        &["lines"],
        "its content is not what it was",
    ),
    (
        "a small out: missing",
        |it| it.small().remove(),
        &["lines"],
        "it is gone",
    ),
    (
        "a manifest: a byte",
        |it| it.frame('t', "upper").harm(|it| it[9] ^= 1),
        NONE,
        MENDED,
    ),
    (
        "a manifest: missing",
        |it| it.frame('t', "upper").remove(),
        NONE,
        MENDED,
    ),
    (
        "a manifest: that of a damaged artifact",
        |it| {
            write(&it.object("table").join("upper"), "X");
            it.frame('t', "upper").remove();
        },
        &["table"],
        "its content is not what its name says",
    ),
    (
        "nonsense between two frames",
        |it| {
            let frame = it.record("table");
            frame.change(|it| drop(it.splice(frame.range.start..frame.range.start, *b"\x1e?\n")));
        },
        NONE,
        MENDED,
    ),
    (
        "nonsense at the end",
        |it| {
            let frame = it.record("table");
            frame.change(|it| it.extend(b"nonsense"));
        },
        NONE,
        MENDED,
    ),
    (
        "a journal: cut in its middle",
        |it| {
            let frame = it.record("count");
            frame.change(|it| it.truncate(frame.range.start + 50));
        },
        NONE,
        MENDED,
    ),
    (
        "all journals: zeros",
        |it| journals(&it.store("")).iter().for_each(|it| zero(it)),
        &["lines"],
        "lines",
    ),
    (
        "all journals: empty",
        |it| journals(&it.store("")).iter().for_each(|it| write(it, "")),
        &["lines"],
        "lines",
    ),
    (
        "all journals: missing",
        |it| journals(&it.store("")).iter().for_each(|it| remove(it)),
        &["lines"],
        "lines",
    ),
    (
        "all journals: closed",
        |it| journals(&it.store("")).iter().for_each(|it| chmod(it, 0)),
        NONE,
        MENDED,
    ),
    (
        "all journals: folders",
        |it| {
            for journal in journals(&it.store("")) {
                folder_instead(&journal);
            }
        },
        &["lines"],
        "lines",
    ),
    (
        "the folder of journals gone",
        |it| remove(&it.store("journal")),
        &["lines"],
        "lines",
    ),
];
