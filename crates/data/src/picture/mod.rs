//! A column of pictures: where each lies, and what its start tells. They are decoded when a block is made of them, one
//! at a time, so that neither files nor large pictures are kept. Knows no steps.

pub mod column;
mod decode;
mod resize;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use base64ct::{Base64, Encoding};

use self::decode::Head;
use crate::{block::Block, error::DataError, infer, limits, regular, table::Fields};

const SCHEME: &str = "data:";
const REMEDY: &str = "replace the file, or leave it out; a pattern like `pictures/*/*.png` names the ones that count";

/// The bytes of a picture's file.
fn read_file(path: &Path) -> Result<Vec<u8>, DataError> {
    let fail = |it: io::Error| DataError::io(path, &it);
    let file = regular::open(path).map_err(fail)?;
    let mut bytes = Vec::new();
    let mut file = file.take(limits::PICTURE + 1);
    file.read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > limits::PICTURE {
        let most = limits::PICTURE >> 20;
        return Err(bad(
            path,
            &format!("is larger than a picture may be, {most} MiB"),
        ));
    }
    Ok(bytes)
}

/// A text that holds no picture.
struct Unreadable;

/// The start of a text, which may be long.
fn start(text: &str) -> String {
    const SHOWN: usize = 40;
    let mut start: String = text.chars().take(SHOWN).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}

/// Pictures by row; none is missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pictures {
    all: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq)]
struct Item {
    place: Place,
    head: Head,
    /// Of the file's bytes.
    hash: u64,
    bytes: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Place {
    File(PathBuf),
    /// The file's content.
    Here(Vec<u8>),
}

impl Pictures {
    /// The pictures of these files.
    pub fn of_paths(paths: &[PathBuf]) -> Result<Self, DataError> {
        let item = |path: &PathBuf| {
            let bytes = read_file(path)?;
            Item::of(&bytes, Place::File(path.clone())).map_err(|why| bad(path, &why))
        };
        let all = paths.iter().map(item).collect::<Result<_, _>>()?;
        Ok(Self { all })
    }

    /// The pictures of texts that hold files as base64; or the row whose text does not, and how it begins.
    pub fn of_texts(fields: &Fields) -> Result<Self, (usize, String)> {
        let item = |text: &[u8]| {
            let text = infer::text_of(text);
            let packed = match text.strip_prefix(SCHEME) {
                Some(rest) => rest.split_once(";base64,").map(|it| it.1),
                None => Some(text),
            };
            let bytes = packed
                .filter(|it| !it.is_empty())
                .and_then(|it| Base64::decode_vec(it).ok())
                .ok_or(Unreadable)?;
            Item::of(&bytes, Place::Here(bytes.clone())).map_err(|_| Unreadable)
        };
        let items = fields.iter().enumerate();
        let all = items
            .map(|(row, text)| item(text).map_err(|_| (row, start(infer::text_of(text)))))
            .collect::<Result<_, _>>()?;
        Ok(Self { all })
    }

    /// How many there are.
    pub fn rows(&self) -> usize {
        self.all.len()
    }

    /// The picture's file as base64, as JSON may hold it. A file that is gone meanwhile gives nothing.
    pub fn text(&self, row: usize) -> Option<String> {
        let bytes = self.all[row].bytes().ok()?;
        let media_type = decode::media_type(&bytes)?;
        Some(format!(
            "{SCHEME}{media_type};base64,{}",
            Base64::encode_string(&bytes)
        ))
    }

    /// Bytes of the largest file.
    pub fn largest(&self) -> usize {
        self.all.iter().map(|it| it.bytes).max().unwrap_or(0)
    }

    /// How many of the rows have a size, by the size.
    pub fn sizes(&self, rows: &[usize]) -> BTreeMap<String, u64> {
        let mut sizes = BTreeMap::new();
        for row in rows {
            *sizes.entry(self.all[*row].head.words()).or_default() += 1;
        }
        sizes
    }

    /// One channel if the pictures of all these rows are grey, else three.
    pub fn channels(&self, rows: &[usize]) -> u32 {
        let are_grey = rows.iter().all(|row| self.all[*row].head.is_grey);
        if are_grey { 1 } else { 3 }
    }

    /// Height and width of the first of these rows.
    pub fn size(&self, rows: &[usize]) -> Option<[u32; 2]> {
        let head = self.all.get(*rows.first()?)?.head;
        Some([head.height, head.width])
    }

    /// Takes a row's picture into a hash.
    pub fn hash_row(&self, row: usize, hasher: &mut impl Hasher) {
        self.all[row].hash.hash(hasher);
    }

    /// Whether two rows have the same file.
    pub fn same(&self, a: usize, b: usize) -> bool {
        let of = |row: usize| (self.all[row].hash, self.all[row].bytes);
        of(a) == of(b)
    }

    /// The pictures as a block of channels, height and width; each is scaled to the size. Levels go from 0 to 1.
    pub fn block(&self, [height, width]: [u32; 2], channels: u32) -> Result<Block, DataError> {
        let (rows, shape) = (self.rows(), [channels, height, width].map(|it| it as usize));
        let [channels, height, width] = shape;
        let mut levels = Vec::new();
        let sizes = [rows, channels, height, width];
        let count = sizes
            .iter()
            .try_fold(1_usize, |all, it| all.checked_mul(*it));
        if count.is_none_or(|it| levels.try_reserve_exact(it).is_err()) {
            let message = format!(
                "{rows} pictures of {height} × {width} pixels need more memory than there is"
            );
            return Err(DataError::wrong(message)
                .hint("scale them to a smaller size: `- resize: {size: [64, 64]}`"));
        }
        for (row, item) in self.all.iter().enumerate() {
            let bytes = item.bytes()?;
            let picture =
                decode::decode(&bytes, channels).map_err(|why| self.bad_row(row, &why))?;
            let picture = resize::resize(picture, height, width);
            for channel in 0..channels {
                levels.extend(picture.levels.iter().skip(channel).step_by(channels));
            }
        }
        let block = Block::of_bytes(&shape, rows, levels);
        let mut block = block.ok_or_else(|| DataError::wrong("there are no pictures"))?;
        block.change(|_, level| level / 255.0);
        Ok(block)
    }

    /// Checks that all have the size, which a block without scaling needs.
    pub fn check_size(&self, size: [u32; 2], why: &str) -> Result<(), DataError> {
        let differs = |it: &Item| [it.head.height, it.head.width] != size;
        let Some(row) = self.all.iter().position(differs) else {
            return Ok(());
        };
        let [height, width] = size;
        let Head {
            height: own_height,
            width: own_width,
            ..
        } = self.all[row].head;
        let message = format!("is {own_height} × {own_width} pixels, {why} {height} × {width}");
        let mut error = self.bad_row(row, &message);
        error.hint = None;
        Err(error)
    }

    fn bad_row(&self, row: usize, why: &str) -> DataError {
        match &self.all[row].place {
            Place::File(path) => bad(path, why),
            Place::Here(_) => DataError::wrong(format!("row {}: the picture {why}", row + 1)),
        }
    }
}

fn bad(path: &Path, why: &str) -> DataError {
    DataError::wrong(format!("{}: {why}", path.display())).hint(REMEDY)
}

impl Item {
    fn of(bytes: &[u8], place: Place) -> Result<Self, String> {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        Ok(Self {
            place,
            head: decode::head(bytes)?,
            hash: hasher.finish(),
            bytes: bytes.len(),
        })
    }

    fn bytes(&self) -> Result<Cow<'_, [u8]>, DataError> {
        match &self.place {
            Place::Here(bytes) => Ok(Cow::Borrowed(bytes)),
            Place::File(path) => read_file(path).map(Cow::Owned),
        }
    }
}

impl Head {
    fn words(&self) -> String {
        let Self {
            height,
            width,
            is_grey,
        } = self;
        let colour = if *is_grey { "grey" } else { "colour" };
        format!("{height} × {width} {colour}")
    }
}
