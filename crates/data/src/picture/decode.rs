//! PNG and JPEG files into levels of 8 bits, grey or in colour. Knows no columns and no paths.
//!
//! The decoders are those of the image crate, but without the variants for one processor or another: a picture must
//! give the same numbers on every machine. Levels are as Pillow's `convert` has them: of 16 bits the upper 8 are kept,
//! a palette stands for its colours, transparency does not count.

use std::io::Cursor;

use png::{ColorType, Limits, Transformations};
use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::JpegDecoder;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8\xff";
/// What is larger is taken for a broken or a hostile file.
const MOST_PIXELS: usize = 1 << 27;
const MOST_BYTES: usize = 1 << 29;

/// What the start of a file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub height: u32,
    pub width: u32,
    pub is_grey: bool,
}

/// A picture, row by row; the levels of a pixel lie together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub levels: Vec<u8>,
}

/// The kind of file, as the web names it.
pub fn media_type(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(PNG) {
        Some("image/png")
    } else {
        bytes.starts_with(JPEG).then_some("image/jpeg")
    }
}

/// Reads the start of a file; or says why it is no picture.
pub fn head(bytes: &[u8]) -> Result<Head, String> {
    let (height, width, is_grey) = match media_type(bytes) {
        Some("image/png") => {
            let mut decoder = png(bytes);
            let info = decoder.read_header_info().map_err(broken)?;
            let is_grey = matches!(
                info.color_type,
                ColorType::Grayscale | ColorType::GrayscaleAlpha
            );
            (info.height as usize, info.width as usize, is_grey)
        }
        Some(_) => {
            let mut decoder = jpeg(bytes, ColorSpace::RGB);
            decoder.decode_headers().map_err(broken)?;
            let info = decoder.info().ok_or("is a broken picture")?;
            let is_grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
            (usize::from(info.height), usize::from(info.width), is_grey)
        }
        None if bytes.is_empty() => return Err("is empty".to_owned()),
        None => return Err("is neither PNG nor JPEG".to_owned()),
    };
    if height == 0 || width == 0 {
        return Err("has no pixels".to_owned());
    }
    if height.saturating_mul(width) > MOST_PIXELS {
        return Err(format!(
            "has {height} × {width} pixels, more than can be read"
        ));
    }
    Ok(Head {
        height: height as u32,
        width: width as u32,
        is_grey,
    })
}

/// Reads a picture with one channel or three.
pub fn decode(bytes: &[u8], channels: usize) -> Result<Picture, String> {
    let head = head(bytes)?;
    let (found, levels) = if bytes.starts_with(PNG) {
        let mut decoder = png(bytes);
        decoder.set_transformations(Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().map_err(broken)?;
        let size = reader.output_buffer_size().ok_or("is too large")?;
        let mut levels = vec![0; size];
        let info = reader.next_frame(&mut levels).map_err(broken)?;
        levels.truncate(info.buffer_size());
        (info.color_type.samples(), levels)
    } else {
        let space = if head.is_grey {
            ColorSpace::Luma
        } else {
            ColorSpace::RGB
        };
        let levels = jpeg(bytes, space).decode().map_err(broken)?;
        (space.num_components(), levels)
    };
    let (height, width) = (head.height as usize, head.width as usize);
    if levels.len() != height * width * found {
        return Err("is a broken picture".to_owned());
    }
    Ok(Picture {
        height,
        width,
        channels,
        levels: convert(levels, found, channels),
    })
}

fn png(bytes: &[u8]) -> png::Decoder<Cursor<&[u8]>> {
    png::Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: MOST_BYTES })
}

fn jpeg(bytes: &[u8], space: ColorSpace) -> JpegDecoder<ZCursor<&[u8]>> {
    let most = usize::from(u16::MAX);
    let options = DecoderOptions::default()
        .set_max_width(most)
        .set_max_height(most)
        .set_strict_mode(true)
        .jpeg_set_out_colorspace(space);
    JpegDecoder::new_with_options(ZCursor::new(bytes), options)
}

fn broken(error: impl std::fmt::Display) -> String {
    format!("is a broken picture: {error}")
}

/// From `found` samples a pixel, the last of 2 or 4 being its opacity, to one or three.
fn convert(levels: Vec<u8>, found: usize, wanted: usize) -> Vec<u8> {
    if found == wanted {
        return levels;
    }
    let pixels = levels.chunks_exact(found);
    match (found, wanted) {
        (1 | 2, 1) => pixels.map(|it| it[0]).collect(),
        (1 | 2, _) => pixels.flat_map(|it| [it[0]; 3]).collect(),
        (_, 1) => pixels.map(|it| grey(it[0], it[1], it[2])).collect(),
        (_, _) => pixels.flat_map(|it| [it[0], it[1], it[2]]).collect(),
    }
}

/// ITU-R 601, in Pillow's integers.
fn grey(red: u8, green: u8, blue: u8) -> u8 {
    let sum = u32::from(red) * 19595 + u32::from(green) * 38470 + u32::from(blue) * 7471;
    ((sum + 0x8000) >> 16) as u8
}
