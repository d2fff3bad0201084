//! Pictures against Pillow's, on its golden files.

use std::{fs, path::PathBuf};

use serde::Deserialize;

use super::{
    Pictures,
    decode::{decode, head},
    resize::resize,
};
use crate::{block::Block, table::Fields};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/pictures");

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
    deep: Vec<DeepCase>,
    normalize: Normalize,
}

#[derive(Deserialize)]
struct Case {
    file: String,
    channels: usize,
    size: [usize; 2],
    levels: Vec<u8>,
}

#[derive(Deserialize)]
struct DeepCase {
    file: String,
    channels: usize,
    size: [usize; 2],
    levels: Vec<u16>,
}

#[derive(Deserialize)]
struct Normalize {
    levels: Vec<Vec<Vec<Vec<u8>>>>,
    mean: Vec<f64>,
    std: Vec<f64>,
    expected: Vec<Vec<Vec<Vec<f64>>>>,
}

fn golden() -> Golden {
    let text = fs::read(format!("{FOLDER}/expected.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn pictures_are_read_and_scaled_as_pillow_does() {
    let cases = golden().cases;
    assert!(cases.len() >= 80);
    for case in cases {
        let place = format!("{} {} {:?}", case.file, case.channels, case.size);
        let bytes = fs::read(format!("{FOLDER}/{}", case.file)).unwrap();
        let picture = decode::<u8>(&bytes, case.channels).unwrap();
        let scaled = resize(picture, case.size[0], case.size[1]);
        assert_eq!([scaled.height, scaled.width], case.size, "{place}");
        assert_eq!(scaled.levels.len(), case.levels.len(), "{place}");
        let levels = scaled.levels.iter().zip(&case.levels);
        let off = levels.map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        // A JPEG file leaves it to its reader how colours are rounded and spread over neighbours.
        let is_jpeg = std::path::Path::new(&case.file)
            .extension()
            .is_some_and(|it| it == "jpg");
        assert!(off <= if is_jpeg { 2 } else { 0 }, "{place}: off by {off}");
    }
}

#[test]
fn levels_of_16_bits_are_kept_and_scaled_as_pillow_does() {
    for case in golden().deep {
        let place = format!("{} {:?}", case.file, case.size);
        let bytes = fs::read(format!("{FOLDER}/{}", case.file)).unwrap();
        assert!(head(&bytes).unwrap().is_deep, "{place}");
        let picture = decode::<u16>(&bytes, case.channels).unwrap();
        let scaled = resize(picture, case.size[0], case.size[1]);
        assert_eq!(scaled.levels.len(), case.levels.len(), "{place}");
        // Pillow weighs these in floats, and those of 8 bits in integers.
        let levels = scaled.levels.iter().zip(&case.levels);
        let off = levels.map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(off <= 1, "{place}: off by {off}");
    }
    // Files of 8 bits have the same shares of full light.
    let bytes = fs::read(format!("{FOLDER}/colour.png")).unwrap();
    let (narrow, wide) = (
        decode::<u8>(&bytes, 3).unwrap(),
        decode::<u16>(&bytes, 3).unwrap(),
    );
    for (narrow, wide) in narrow.levels.iter().zip(&wide.levels) {
        assert_eq!(f64::from(*wide) / 65535.0, f64::from(*narrow) / 255.0);
    }
}

#[test]
fn colours_are_told_from_grey() {
    for (name, is_grey) in [
        ("colour.png", false),
        ("palette.png", false),
        ("clear.png", false),
        ("grey_clear.png", true),
        ("bits.png", true),
        ("deep.png", true),
        ("grey.jpg", true),
        ("colour.jpg", false),
        ("lossless.webp", false),
    ] {
        let bytes = fs::read(format!("{FOLDER}/{name}")).unwrap();
        assert_eq!(head(&bytes).unwrap().is_grey, is_grey, "{name}");
    }
}

#[test]
fn a_picture_that_is_cut_off_is_none() {
    for name in ["cut.png", "cut.jpg", "cut.webp"] {
        let bytes = fs::read(format!("{FOLDER}/{name}")).unwrap();
        let why = decode::<u8>(&bytes, 3).unwrap_err();
        assert!(why.starts_with("is a broken picture"), "{name}: {why}");
    }
    assert_eq!(head(b"").unwrap_err(), "is empty");
    assert_eq!(
        head(b"GIF89a").unwrap_err(),
        "is neither PNG, JPEG nor WebP"
    );
}

#[test]
fn a_picture_that_declares_more_pixels_than_can_be_read_is_refused() {
    let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    file.extend(60_000_u32.to_be_bytes().repeat(2));
    file.extend([8, 2, 0, 0, 0]);
    let mut crc = flate2::Crc::new();
    crc.update(&file[12..]);
    file.extend(crc.sum().to_be_bytes());
    // The library reads up to the first piece of the picture itself.
    file.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
    let why = "has 60000 × 60000 pixels, more than can be read";
    assert_eq!(head(&file).unwrap_err(), why);
    assert_eq!(decode::<u8>(&file, 3).unwrap_err(), why);
}

#[test]
fn every_byte_of_a_picture_may_be_wrong() {
    for name in ["palette.png", "grey.jpg", "progressive.jpg", "lossy.webp"] {
        let bytes = fs::read(format!("{FOLDER}/{name}")).unwrap();
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 0xff;
            if let Ok(picture) = decode::<u8>(&broken, 1) {
                assert_eq!(picture.levels.len(), picture.height * picture.width);
            }
        }
    }
}

#[test]
fn levels_become_shares_with_channels_first() {
    let paths = ["colour.png", "clear.png"].map(|it| PathBuf::from(format!("{FOLDER}/{it}")));
    let pictures = Pictures::of_paths(&paths).unwrap();
    let block = pictures.block([13, 17], 3).unwrap();
    assert_eq!(block.shape(), [3, 13, 17]);
    let cases = golden().cases;
    let levels = &cases.iter().find(|it| it.channels == 3).unwrap().levels;
    let mut row = vec![0.0; 3 * 13 * 17];
    block.write_row(0, &mut row);
    for (at, share) in row.iter().enumerate() {
        let (channel, pixel) = (at / (13 * 17), at % (13 * 17));
        assert_eq!(
            *share,
            (f64::from(levels[pixel * 3 + channel]) / 255.0) as f32
        );
    }
}

#[test]
fn channels_are_normalized_as_numpy_does() {
    let Normalize {
        levels,
        mean,
        std,
        expected,
    } = golden().normalize;
    let bytes = levels.into_iter().flatten().flatten().flatten().collect();
    let mut block = Block::of_bytes(&[3, 4, 3], 2, bytes).unwrap();
    block.change(|_, level| level / 255.0);
    let learned = block.moments(&[0, 1]);
    for (channel, it) in learned.iter().enumerate() {
        assert!((it.mean - mean[channel]).abs() <= 1e-12);
        assert!((it.variance.sqrt() - std[channel]).abs() <= 1e-12);
    }
    block.change(|channel, it| (it - learned[channel].mean) / learned[channel].variance.sqrt());
    for (row, expected) in expected.iter().enumerate() {
        let mut found = vec![0.0; 36];
        block.write_row(row, &mut found);
        for (found, expected) in found.iter().zip(expected.iter().flatten().flatten()) {
            assert!((f64::from(*found) - expected).abs() <= 1e-6);
        }
    }
}

#[test]
fn a_file_in_base64_is_the_same_picture() {
    let path = PathBuf::from(format!("{FOLDER}/grey.jpg"));
    let read = Pictures::of_paths(&[path]).unwrap();
    let text = read.text(0).unwrap();
    assert!(text.starts_with("data:image/jpeg;base64,/9j/"));
    let bare = text.split_once(',').unwrap().1;
    for text in [text.as_str(), bare] {
        let mut fields = Fields::default();
        fields.push(text.as_bytes());
        let again = Pictures::of_texts(&fields).unwrap();
        assert_eq!(
            again.block([11, 9], 1).unwrap(),
            read.block([11, 9], 1).unwrap()
        );
        assert!(again.same(0, 0));
    }
    let mut fields = Fields::default();
    fields.push(b"shoes/001.png and a longer text that nobody wants to see");
    let (row, start) = Pictures::of_texts(&fields).unwrap_err();
    assert_eq!((row, start.chars().count()), (0, 41));
}
