//! Parquet files that ask for more memory than they may have: by their dictionaries, pages, lists and schemas.

use std::{fs::File, path::PathBuf, sync::Arc};

use parquet::{
    basic,
    data_type::{ByteArray, ByteArrayType, Int32Type},
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::{parser::parse_message_type, types::Type},
};
use pipe_data::table;
use pipe_schema::stage::preprocess::Form;

use crate::{
    Lab,
    limits::{ALLOW, assert_refused, at_most, bytes_of, read},
};

fn parquet_schema(text: &str) -> Arc<Type> {
    Arc::new(parse_message_type(text).unwrap())
}

/// A parquet file with one column of words.
fn words(lab: &Lab, packing: basic::Compression, words: &[ByteArray]) -> PathBuf {
    let path = lab.path("words.parquet");
    let schema = parquet_schema("message rows { required binary x (utf8); }");
    let properties = WriterProperties::builder().set_compression(packing);
    let properties = Arc::new(
        properties
            .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None)
            .build(),
    );
    let file = File::create(&path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let values = column.typed::<ByteArrayType>();
    values.write_batch(words, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    path
}

#[test]
fn max_unpacked_holds_for_values_that_a_parquet_dictionary_repeats() {
    let lab = Lab::new();
    let word = ByteArray::from(vec![b'a'; 100_000]);
    let path = words(&lab, basic::Compression::UNCOMPRESSED, &vec![word; 20_000]);
    assert!(bytes_of(&path) < 1 << 20);
    let form = read(Form::Parquet);
    assert_refused(&lab, &path, &form, "unpack to more than 256MiB", ALLOW);
}

#[test]
fn max_unpacked_holds_for_the_pages_of_a_parquet_file() {
    let lab = Lab::new();
    let word = ByteArray::from(vec![b'a'; 8_400_000]);
    for packing in [
        basic::Compression::SNAPPY,
        basic::Compression::ZSTD(basic::ZstdLevel::default()),
        basic::Compression::GZIP(basic::GzipLevel::default()),
        basic::Compression::LZ4_RAW,
    ] {
        let path = words(&lab, packing, std::slice::from_ref(&word));
        let read = at_most(1 << 20, Form::Parquet);
        assert_refused(&lab, &path, &read, "unpack to more than 1MiB", ALLOW);
        let usual = crate::limits::read(Form::Parquet);
        let table = table::read(&[path], &usual, &mut |_| {}).unwrap();
        assert_eq!(table.rows(), 1);
    }
}

/// A number as Thrift writes it, in four bytes.
fn in_four_bytes(number: u32) -> Vec<u8> {
    let coded = number << 1;
    assert!((1 << 21..1 << 28).contains(&coded));
    (0..4)
        .map(|at| (coded >> (7 * at)) as u8 & 0x7f | if at < 3 { 0x80 } else { 0 })
        .collect()
}

#[test]
fn a_gzip_page_of_parquet_that_lies_about_its_size_is_refused() {
    let lab = Lab::new();
    // Random enough that the page does not shrink away.
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'a' + (state >> 28) as u8
    };
    let letters: Vec<u8> = (0..8_400_000).map(|_| noise()).collect();
    let gzip = basic::Compression::GZIP(basic::GzipLevel::default());
    let path = words(&lab, gzip, &[ByteArray::from(letters)]);
    let mut bytes = crate::bytes(&path);
    let promised = in_four_bytes(8_400_004);
    let at = bytes.windows(4).position(|it| it == promised).unwrap();
    bytes[at..at + 4].copy_from_slice(&in_four_bytes(1_100_000));
    std::fs::write(&path, bytes).unwrap();
    let form = read(Form::Parquet);
    assert_refused(
        &lab,
        &path,
        &form,
        "a page unpacks to more than its header promises",
        "",
    );
}

#[test]
fn max_unpacked_holds_for_one_long_parquet_list() {
    let lab = Lab::new();
    let path = lab.path("list.parquet");
    let schema = parquet_schema(
        "message rows { required group x (list) { repeated group list { required int32 element; } } }",
    );
    let file = File::create(&path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let numbers = vec![7; 400_000];
    let mut repeated = vec![1; numbers.len()];
    repeated[0] = 0;
    let present = vec![1; numbers.len()];
    let values = column.typed::<Int32Type>();
    values
        .write_batch(&numbers, Some(&present), Some(&repeated))
        .unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    assert!(bytes_of(&path) < 4096);
    let read = at_most(1 << 20, Form::Parquet);
    assert_refused(&lab, &path, &read, "unpack to more than 1MiB", ALLOW);
    let usual = crate::limits::read(Form::Parquet);
    let table = table::read(&[path], &usual, &mut |_| {}).unwrap();
    assert_eq!(table.blocks[0].1.width(), 400_000);
}

#[test]
fn a_parquet_schema_that_nests_without_end_is_refused() {
    let lab = Lab::new();
    // Metadata of a version, and a schema whose every node has one below it.
    let nodes = 100_000_u32;
    let mut footer = vec![0x15, 0x02, 0x19, 0xfc];
    let mut size = nodes;
    while size >= 0x80 {
        footer.push(size as u8 & 0x7f | 0x80);
        size >>= 7;
    }
    footer.push(size as u8);
    for _ in 0..nodes {
        // The name `a` is field 4, the number of children field 5.
        footer.extend([0x48, 0x01, b'a', 0x15, 0x02, 0x00]);
    }
    footer.push(0);
    let length = (footer.len() as u32).to_le_bytes();
    let path = lab.write(
        "deep.parquet",
        [b"PAR1", &footer[..], &length, b"PAR1"].concat(),
    );
    let form = read(Form::Parquet);
    assert_refused(
        &lab,
        &path,
        &form,
        "its schema nests deeper than 64 levels",
        "columns",
    );
    assert!(table::columns(&path, &form).is_none());
}
