//! A column of pictures: where each lies, and what its start tells. They are decoded when a block is made of them, one
//! at a time, so that neither files nor large pictures are kept. Knows no steps.

pub mod broken;
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

use self::decode::{Head, Level};
use crate::{block::Block, error::DataError, infer, limits, regular, table::Fields};

const SCHEME: &str = "data:";
const REMEDY: &str = "replace the file, or leave it out; a pattern like `pictures/*/*.png` names the ones that count";

/// Whether a file that starts so is a picture.
pub fn is_picture(start: &[u8]) -> bool {
    decode::media_type(start).is_some()
}

/// Whether the start of a file is that of an image with 16 bits a level. What is wrong with the file is said when it is read.
fn is_deep(path: &Path) -> bool {
    let start = regular::open(path).and_then(|file| {
        let mut start = Vec::new();
        file.take(decode::START).read_to_end(&mut start)?;
        Ok(start)
    });
    start.is_ok_and(|start| decode::is_deep(&start))
}

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
    /// Whether levels of 16 bits are kept.
    keeps_depth: bool,
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
        let mut all = Vec::with_capacity(paths.len());
        let mut found = Vec::new();
        for path in paths {
            let bytes = read_file(path)?;
            match Item::of(&bytes, Place::File(path.clone())) {
                Ok(item) => all.push(item),
                Err(why) => found.push((path.as_path(), why)),
            }
        }
        if found.is_empty() {
            return Ok(Self {
                all,
                keeps_depth: false,
            });
        }
        // Those whose start is whole may be broken further on: all are told at once.
        Err(broken::error(&broken::find(paths)?, paths.len()))
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
        Ok(Self {
            all,
            keeps_depth: false,
        })
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

    /// How many of these rows have levels of 16 bits.
    pub fn deep(&self, rows: &[usize]) -> usize {
        rows.iter()
            .filter(|row| self.all[**row].head.is_deep)
            .count()
    }

    /// Keeps levels of 16 bits.
    pub fn keep_depth(&mut self) {
        self.keeps_depth = true;
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
    pub fn block(&self, size: [u32; 2], channels: u32) -> Result<Block, DataError> {
        let shape = [channels, size[0], size[1]].map(|it| it as usize);
        let rows = self.rows();
        let block = if self.keeps_depth {
            let levels = self.levels(shape, |level: u16| f32::from(level) / f32::from(u16::MAX))?;
            Block::of_floats(&shape, rows, levels)
        } else {
            let levels = self.levels(shape, |level: u8| level)?;
            let mut block = Block::of_bytes(&shape, rows, levels);
            if let Some(block) = &mut block {
                block.change(|_, level| level / 255.0);
            }
            block
        };
        block.ok_or_else(|| DataError::wrong("there are no pictures"))
    }

    /// The levels of all pictures, channel by channel.
    fn levels<L: Level, T>(
        &self,
        [channels, height, width]: [usize; 3],
        from: impl Fn(L) -> T,
    ) -> Result<Vec<T>, DataError> {
        let rows = self.rows();
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
            let picture = match decode::decode::<L>(&item.bytes()?, channels) {
                Ok(picture) => picture,
                Err(why) => return Err(self.broken(row, &why)),
            };
            let picture = resize::resize(picture, height, width);
            for channel in 0..channels {
                let own = picture.levels.iter().skip(channel).step_by(channels);
                levels.extend(own.map(|level| from(*level)));
            }
        }
        Ok(levels)
    }

    /// The error for a picture that is broken, with all others that are.
    fn broken(&self, row: usize, why: &str) -> DataError {
        let place = |item: &Item| match &item.place {
            Place::File(path) => Some(path.clone()),
            Place::Here(_) => None,
        };
        let paths: Vec<PathBuf> = self.all.iter().filter_map(place).collect();
        match broken::find(&paths) {
            Ok(found) if !found.is_empty() => broken::error(&found, paths.len()),
            Ok(_) => self.bad_row(row, why),
            Err(error) => error,
        }
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
            is_deep,
        } = self;
        let colour = if *is_grey { "grey" } else { "colour" };
        let depth = if *is_deep { ", 16 bits" } else { "" };
        format!("{height} × {width} {colour}{depth}")
    }
}
