//! Files that ask for more memory than they may have: long lines, archives that unpack to far more than they are, headers
//! that promise what is not there.

use std::{io::Write as _, path::Path};

use flate2::{Compression, write::GzEncoder};
use pipe_data::table;
use pipe_schema::{
    scalar::ByteSize,
    stage::preprocess::{Form, Read},
};

use crate::Lab;

pub const ALLOW: &str = "max_unpacked";

pub fn read(form: Form) -> Read {
    Read {
        form: Some(form),
        ..Read::default()
    }
}

pub fn at_most(bytes: u64, form: Form) -> Read {
    Read {
        max_unpacked: Some(ByteSize { bytes }),
        ..read(form)
    }
}

/// The message and the hint for a file that is refused.
fn refused(lab: &Lab, path: &Path, read: &Read) -> (String, String) {
    let error = table::read(&[path.to_owned()], read, &mut |_| {}).unwrap_err();
    lab.told(&error)
}

#[track_caller]
pub fn assert_refused(lab: &Lab, path: &Path, read: &Read, message: &str, hint: &str) {
    let (found, remedy) = refused(lab, path, read);
    assert!(found.contains(message), "{found}");
    assert!(remedy.contains(hint), "{found}: {remedy}");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// A gzip file that unpacks to a start and this many MiB of a text.
fn bomb(start: &[u8], text: &[u8], mebibytes: usize) -> Vec<u8> {
    let member = gzip(&text.repeat((1 << 20) / text.len()));
    [gzip(start), member.repeat(mebibytes)].concat()
}

#[test]
fn a_line_limit_holds_for_csv_jsonl_and_text() {
    let lab = Lab::new();
    for (name, start, form, message) in [
        (
            "a.csv.gz",
            "x,y\n1,",
            Form::Csv,
            "a.csv.gz:2: a row is longer than 64 MiB",
        ),
        (
            "head.csv.gz",
            "",
            Form::Csv,
            "head.csv.gz:1: a row is longer than 64 MiB",
        ),
        (
            "quoted.csv.gz",
            "x,y\n1,\"",
            Form::Csv,
            "quoted.csv.gz:2: a row is longer than 64 MiB",
        ),
        (
            "a.jsonl.gz",
            "{\"x\": \"",
            Form::Jsonl,
            "a.jsonl.gz:1: is longer than a line may be, 64 MiB",
        ),
        (
            "a.txt.gz",
            "",
            Form::Text,
            "a.txt.gz: is larger than a row may be, 64 MiB",
        ),
    ] {
        let path = lab.write(name, bomb(start.as_bytes(), b"0", 66));
        assert!(bytes_of(&path) < 200_000);
        let error = table::read(&[path], &read(form), &mut |_| {}).unwrap_err();
        let (found, hint) = lab.told(&error);
        assert!(found.ends_with(message), "{found}");
        assert!(!hint.is_empty(), "{found}");
    }
    let path = lab.path("head.csv.gz");
    assert!(table::columns(&path, &read(Form::Csv)).is_none());
}

pub fn bytes_of(path: &Path) -> u64 {
    path.metadata().unwrap().len()
}

#[test]
fn max_unpacked_holds_for_all_members_of_a_gzip_file() {
    let lab = Lab::new();
    let path = lab.write("a.csv.gz", bomb(b"x,y\n", b"1,2\n", 260));
    assert_refused(
        &lab,
        &path,
        &read(Form::Csv),
        "KiB unpack to more than 256MiB",
        ALLOW,
    );
    let small = lab.write("b.csv.gz", bomb(b"x,y\n", b"1,2\n", 3));
    let table = table::read(std::slice::from_ref(&small), &read(Form::Csv), &mut |_| {}).unwrap();
    assert_eq!(table.rows(), 3 << 18);
    let two = at_most(2 << 20, Form::Csv);
    assert_refused(&lab, &small, &two, "unpack to more than 2MiB", ALLOW);
    // A plain file is as large as it is.
    let plain = lab.write(
        "c.csv",
        [b"x,y\n".to_vec(), b"1,2\n".repeat(1 << 20)].concat(),
    );
    assert!(table::read(&[plain], &two, &mut |_| {}).is_ok());
}

#[test]
fn max_unpacked_holds_for_every_form_in_gzip() {
    let lab = Lab::new();
    let rows = b"{\"x\": 1, \"y\": 2}\n";
    let idx = [&[0, 0, 8, 1, 0, 32, 0, 0][..], &vec![0; 1 << 21]].concat();
    let npy = npy(
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2097152,), }",
        &vec![0; 1 << 21],
    );
    for (form, bytes) in [
        (Form::Jsonl, bomb(b"", rows, 2)),
        (Form::Text, bomb(b"", b"word\n", 2)),
        (Form::Idx, gzip(&idx)),
        (Form::Npz, gzip(&npy)),
    ] {
        let path = lab.write("file", bytes);
        let mut read = at_most(1 << 20, form);
        read.names = vec!["x".to_owned()];
        assert_refused(&lab, &path, &read, "unpack to more than 1MiB", ALLOW);
    }
}

#[test]
fn a_csv_row_has_a_limit_of_fields_and_many_unnamed_ones_are_named() {
    let lab = Lab::new();
    let most = 1 << 20;
    let wide = lab.write("wide.csv", format!("{}\n", "x,".repeat(most)));
    let message = "wide.csv:1: a row has more than 1048576 fields";
    assert_refused(&lab, &wide, &read(Form::Csv), message, "delimiter");
    let unnamed = lab.write("unnamed.csv", format!("{}\n", ",".repeat(400_000)));
    let names = table::columns(&unnamed, &read(Form::Csv)).unwrap();
    assert_eq!(names.len(), 400_001);
    assert_eq!(names[400_000], "unnamed_400001");
}

#[test]
fn jsonl_rows_of_ever_new_names_are_refused() {
    let lab = Lab::new();
    let row = |at: usize| format!("{{\"x{at}\": 1}}\n");
    let path = lab.write("a.jsonl", (0..4000).map(row).collect::<String>());
    let read = at_most(1 << 20, Form::Jsonl);
    assert_refused(
        &lab,
        &path,
        &read,
        "most rows lack most of them",
        "each name becomes a column",
    );
    let usual = super::limits::read(Form::Jsonl);
    assert!(table::read(&[path], &usual, &mut |_| {}).is_ok());
}

fn npy(header: &str, numbers: &[u8]) -> Vec<u8> {
    let header = format!("{header}\n");
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), numbers].concat()
}

#[test]
fn npy_headers_are_checked_before_they_are_believed() {
    let lab = Lab::new();
    let of_shape = |shape: &str| {
        npy(
            &format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"),
            &[0; 16],
        )
    };
    let second = |length: u32| [b"\x93NUMPY\x02\0", &length.to_le_bytes()[..], b"{}"].concat();
    let nested = "(".repeat(60_000);
    for (bytes, message) in [
        (
            of_shape("(2305843009213693952,)"),
            "names more numbers than fit",
        ),
        (
            of_shape("(4294967296, 4294967296)"),
            "names more numbers than fit",
        ),
        (
            of_shape("(1099511627776,)"),
            "has 16 bytes of numbers, its header promises 8796093022208",
        ),
        (
            of_shape("(1,)"),
            "has more bytes than the 8 that its header promises",
        ),
        (
            of_shape("(1099511627776, 1099511627776, 0)"),
            "names more numbers than fit",
        ),
        (of_shape("(-2,)"), "its header"),
        (of_shape("(99999999999999999999999,)"), "its header"),
        (
            second(u32::MAX),
            "its header has 4294967295 bytes, more than 65536",
        ),
        (second(60_000), "its header is cut off"),
        (npy(&nested, b""), "its header nests deeper than 6 levels"),
        (b"\x93NUMPY".to_vec(), "its header is cut off"),
    ] {
        let path = lab.write("x.npy", bytes);
        let mut read = read(Form::Npz);
        read.names = vec!["x".to_owned()];
        assert_refused(&lab, &path, &read, message, "");
    }
}

/// A zip archive of entries, all packed.
fn npz(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(*name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn max_unpacked_holds_for_all_arrays_of_an_npz_file_together() {
    let lab = Lab::new();
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (700000,), }";
    let array = npy(header, &vec![0; 700_000]);
    let path = lab.write("a.npz", npz(&[("x.npy", &array), ("y.npy", &array)]));
    let one = at_most(1 << 20, Form::Npz);
    assert_refused(&lab, &path, &one, "unpack to more than 1MiB", ALLOW);
    let two = at_most(2 << 20, Form::Npz);
    let table = table::read(&[path], &two, &mut |_| {}).unwrap();
    assert_eq!(table.rows(), 700_000);
    // An archive within gzip is counted with what it unpacks to.
    let stored = lab.write("b.npz", gzip(&npz(&[("x.npy", &array)])));
    let exact = at_most(700_100, Form::Npz);
    assert_refused(&lab, &stored, &exact, "unpack to more than 683KiB", ALLOW);
}

#[test]
fn words_of_one_letter_in_npy_cost_no_more_than_their_letters() {
    let lab = Lab::new();
    let header = "{'descr': '|S1', 'fortran_order': False, 'shape': (3,), }";
    let path = lab.write("x.npy", npy(header, b"a\0c"));
    let mut read = read(Form::Npz);
    read.names = vec!["x".to_owned()];
    let table = table::read(&[path], &read, &mut |_| {}).unwrap();
    let words: Vec<&[u8]> = table.columns[0].fields.iter().collect();
    assert_eq!(words, [&b"a"[..], b"", b"c"]);
}
