//! Limits on what readers take into memory, and the budget of what a packed file may unpack to. Opens no table.

use std::{
    cell::Cell,
    fmt,
    io::{self, Read},
    rc::Rc,
};

use pipe_schema::stage::preprocess;

/// Bytes of a line, a row, a field or a header; a longer one is hardly a table's.
pub const LINE: usize = 64 << 20;
/// Columns of a table.
pub const COLUMNS: usize = 1 << 20;
/// Bytes of rows that are handed on at once, where rows are handed on in portions.
pub const PORTION: usize = 64 << 20;
/// Bytes of rows that a first look at a table takes in.
pub const GLANCE: usize = 64 << 20;
/// Bytes that any packed file may unpack to.
const UNPACKED: u64 = 256 << 20;
/// A packed file may unpack to this many times its size, where that is more.
const RATIO: u64 = 100;
/// Bytes of a picture's file.
pub const PICTURE: u64 = 512 << 20;

/// What is left of the bytes that one packed file may unpack to. Clones share it.
#[derive(Clone, Debug)]
pub struct UnpackBudget {
    allowed: u64,
    packed: u64,
    left: Rc<Cell<u64>>,
}

impl UnpackBudget {
    /// The budget of a file of `packed` bytes: as `read.max_unpacked` says, else by the file's size.
    pub fn new(packed: u64, read: &preprocess::Read) -> Self {
        let usual = UNPACKED.max(packed.saturating_mul(RATIO));
        let allowed = read.max_unpacked.map_or(usual, |most| most.bytes);
        Self {
            allowed,
            packed,
            left: Rc::new(Cell::new(allowed)),
        }
    }

    /// Bytes that may still come.
    pub fn left(&self) -> u64 {
        self.left.get()
    }

    /// Takes bytes off the budget.
    pub fn spend(&self, bytes: u64) -> Result<(), TooLarge> {
        match self.left.get().checked_sub(bytes) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(TooLarge {
                allowed: self.allowed,
                packed: self.packed,
            }),
        }
    }
}

/// A packed file that unpacks to more than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    allowed: u64,
    packed: u64,
}

impl TooLarge {
    pub const HINT: &str = "a file of so few bytes hardly holds that much; if it does, allow it: `read: {max_unpacked: 20GiB}`";
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (packed, allowed) = (rounded(self.packed), rounded(self.allowed));
        write!(f, "its {packed} unpack to more than {allowed}")
    }
}

impl std::error::Error for TooLarge {}

/// A size in the largest unit of which there is a whole one.
fn rounded(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units.into_iter().find(|(_, bits)| bytes >> bits > 0) {
        Some((unit, bits)) => format!("{}{unit}", bytes >> bits),
        None => format!("{bytes} bytes"),
    }
}

/// Reads what is unpacked, and fails once it is more than the budget allows.
pub struct Budgeted<R> {
    reader: R,
    budget: UnpackBudget,
}

impl<R> Budgeted<R> {
    pub fn new(reader: R, budget: UnpackBudget) -> Self {
        Self { reader, budget }
    }
}

impl<R: Read> Read for Budgeted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        let spent = self.budget.spend(read as u64);
        spent.map_err(|it| io::Error::new(io::ErrorKind::InvalidData, it))?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use pipe_schema::scalar::ByteSize;

    use super::*;

    #[test]
    fn an_unpack_budget_grows_with_the_file_and_is_what_the_spec_says() {
        let usual = preprocess::Read::default();
        assert_eq!(UnpackBudget::new(10, &usual).left(), UNPACKED);
        assert_eq!(
            UnpackBudget::new(3 << 30, &usual).left(),
            RATIO * (3 << 30),
            "a large archive may unpack to what such archives do"
        );
        let read = preprocess::Read {
            max_unpacked: Some(ByteSize { bytes: 5 }),
            ..usual
        };
        let budget = UnpackBudget::new(3 << 30, &read);
        assert_eq!(budget.clone().spend(5), Ok(()));
        let error = budget.spend(1).unwrap_err();
        assert_eq!(error.to_string(), "its 3GiB unpack to more than 5 bytes");
    }
}
