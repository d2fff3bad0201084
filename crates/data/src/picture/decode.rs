//! PNG, JPEG and WebP files into levels of 8 or 16 bits, grey or in colour. Knows no columns and no paths.
//!
//! The decoders are those of the image crate, but without the variants for one processor or another: a picture must
//! give the same numbers on every machine. Levels are as Pillow's `convert` has them: a palette stands for its colours,
//! transparency does not count. Where 8 bits are asked for of a file of 16, the upper 8 are taken.

use std::io::Cursor;

use image_webp::WebPDecoder;
use png::{BitDepth, ColorType, Limits, Transformations};
use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::JpegDecoder;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8\xff";
const WEBP: &str = "image/webp";
/// What is larger is taken for a broken or a hostile file.
const MOST_PIXELS: usize = 1 << 27;
const MOST_BYTES: usize = 1 << 29;

/// What the start of a file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub height: u32,
    pub width: u32,
    pub is_grey: bool,
    /// Whether a level has 16 bits.
    pub is_deep: bool,
}

/// A picture, row by row; the levels of a pixel lie together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture<L> {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub levels: Vec<L>,
}

/// A level of 8 or 16 bits.
pub trait Level: Copy + Into<u32> {
    /// The level of full light.
    const MOST: u32;
    /// The levels of this width, out of the samples of a file.
    fn of_samples(samples: Samples) -> Vec<Self>;
    /// The level next to a number.
    fn of(level: u32) -> Self;
}

/// The samples of a file as they are.
pub enum Samples {
    Bytes(Vec<u8>),
    /// Of two bytes, the upper one first.
    Pairs(Vec<u8>),
}

impl Level for u8 {
    const MOST: u32 = 0xff;
    fn of_samples(samples: Samples) -> Vec<Self> {
        match samples {
            Samples::Bytes(bytes) => bytes,
            Samples::Pairs(bytes) => bytes.as_chunks::<2>().0.iter().map(|it| it[0]).collect(),
        }
    }
    fn of(level: u32) -> Self {
        level.min(Self::MOST) as Self
    }
}

impl Level for u16 {
    const MOST: u32 = 0xffff;
    fn of_samples(samples: Samples) -> Vec<Self> {
        match samples {
            // The share of full light stays: 255 becomes 65535.
            Samples::Bytes(bytes) => bytes.into_iter().map(|it| Self::from(it) * 257).collect(),
            Samples::Pairs(bytes) => {
                let (pairs, _) = bytes.as_chunks::<2>();
                pairs.iter().map(|it| Self::from_be_bytes(*it)).collect()
            }
        }
    }
    fn of(level: u32) -> Self {
        level.min(Self::MOST) as Self
    }
}

/// The kind of file, as the web names it.
pub fn media_type(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(PNG) {
        Some("image/png")
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some(WEBP)
    } else {
        bytes.starts_with(JPEG).then_some("image/jpeg")
    }
}

/// Bytes at the start of a file that tell its depth.
pub const START: u64 = 25;

/// Whether a file that starts so has levels of 16 bits: the header of PNG comes first, and has the depth behind both sizes.
pub fn is_deep(start: &[u8]) -> bool {
    start.starts_with(PNG) && start.get(24) == Some(&16)
}

/// Reads the start of a file; or says why it is no picture.
pub fn head(bytes: &[u8]) -> Result<Head, String> {
    let (height, width, is_grey, is_deep) = match media_type(bytes) {
        Some("image/png") => {
            let mut decoder = png(bytes);
            let info = decoder.read_header_info().map_err(broken)?;
            let is_grey = matches!(
                info.color_type,
                ColorType::Grayscale | ColorType::GrayscaleAlpha
            );
            let is_deep = info.bit_depth == BitDepth::Sixteen;
            let (height, width) = (info.height as usize, info.width as usize);
            (height, width, is_grey, is_deep)
        }
        Some(WEBP) => {
            let (width, height) = webp(bytes)?.dimensions();
            (height as usize, width as usize, false, false)
        }
        Some(_) => {
            let mut decoder = jpeg(bytes, ColorSpace::RGB);
            decoder.decode_headers().map_err(broken)?;
            let info = decoder.info().ok_or("is a broken picture")?;
            let is_grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
            let (height, width) = (usize::from(info.height), usize::from(info.width));
            (height, width, is_grey, false)
        }
        None if bytes.is_empty() => return Err("is empty".to_owned()),
        None => return Err("is neither PNG, JPEG nor WebP".to_owned()),
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
        is_deep,
    })
}

/// Reads a picture with one channel or three.
pub fn decode<L: Level>(bytes: &[u8], channels: usize) -> Result<Picture<L>, String> {
    let head = head(bytes)?;
    let (found, samples) = match media_type(bytes) {
        Some("image/png") => png_samples(bytes)?,
        Some(WEBP) => webp_samples(bytes)?,
        _ => {
            let space = if head.is_grey {
                ColorSpace::Luma
            } else {
                ColorSpace::RGB
            };
            let levels = jpeg(bytes, space).decode().map_err(broken)?;
            (space.num_components(), Samples::Bytes(levels))
        }
    };
    let levels = L::of_samples(samples);
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

/// The samples of a PNG file, and how many there are for a pixel.
fn png_samples(bytes: &[u8]) -> Result<(usize, Samples), String> {
    let mut decoder = png(bytes);
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(broken)?;
    let size = reader.output_buffer_size().ok_or("is too large")?;
    let mut levels = vec![0; size];
    let info = reader.next_frame(&mut levels).map_err(broken)?;
    levels.truncate(info.buffer_size());
    let samples = if info.bit_depth == BitDepth::Sixteen {
        Samples::Pairs(levels)
    } else {
        Samples::Bytes(levels)
    };
    Ok((info.color_type.samples(), samples))
}

/// Likewise of a WebP file; of an animation, the first picture.
fn webp_samples(bytes: &[u8]) -> Result<(usize, Samples), String> {
    let mut decoder = webp(bytes)?;
    let size = decoder.output_buffer_size().ok_or("is too large")?;
    let mut levels = vec![0; size];
    decoder.read_image(&mut levels).map_err(broken)?;
    let found = if decoder.has_alpha() { 4 } else { 3 };
    Ok((found, Samples::Bytes(levels)))
}

fn webp(bytes: &[u8]) -> Result<WebPDecoder<Cursor<&[u8]>>, String> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(broken)?;
    decoder.set_memory_limit(MOST_BYTES);
    Ok(decoder)
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
fn convert<L: Level>(levels: Vec<L>, found: usize, wanted: usize) -> Vec<L> {
    if found == wanted {
        return levels;
    }
    let pixels = levels.chunks_exact(found);
    match (found, wanted) {
        (1 | 2, 1) => pixels.map(|it| it[0]).collect(),
        (1 | 2, _) => pixels.flat_map(|it| [it[0]; 3]).collect(),
        (_, 1) => pixels.map(|it| grey([it[0], it[1], it[2]])).collect(),
        (_, _) => pixels.flat_map(|it| [it[0], it[1], it[2]]).collect(),
    }
}

/// ITU-R 601, in Pillow's integers.
fn grey<L: Level>(colours: [L; 3]) -> L {
    let weights = [19595_u64, 38470, 7471];
    let levels = colours.into_iter().map(|level| u64::from(level.into()));
    let sum: u64 = levels
        .zip(weights)
        .map(|(level, weight)| level * weight)
        .sum();
    L::of(((sum + 0x8000) >> 16) as u32)
}
