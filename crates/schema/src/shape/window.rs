//! A window that moves over an image or a sequence. Knows numbers alone.

use super::{Misfit, Row};

/// Its side, its steps, and the border around what it moves over.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub kernel_size: u32,
    pub stride: u32,
    pub padding: u32,
}

impl Window {
    /// Refuses a window that is nothing, or that does not move.
    pub fn check(self) -> Result<Self, Misfit> {
        for (name, value) in [("kernel_size", self.kernel_size), ("stride", self.stride)] {
            at_least_one(name, value)?;
        }
        Ok(self)
    }

    /// A pooling window never lies in the border alone.
    pub fn check_pool(self, layer: &str) -> Result<Self, Misfit> {
        let (padding, kernel) = (self.padding, self.kernel_size);
        if u64::from(padding) * 2 > u64::from(kernel) {
            return Err(Misfit::new(
                format!("`padding` of `{layer}` must be at most half of `kernel_size`"),
                format!("{padding} is more than half of {kernel}"),
            ));
        }
        self.check()
    }

    /// Its positions along each side of a row.
    pub fn over<const N: usize>(self, sides: [u32; N], row: &Row) -> Result<[u32; N], Misfit> {
        let mut positions = [0; N];
        for (position, side) in positions.iter_mut().zip(sides) {
            let padded = u64::from(side) + 2 * u64::from(self.padding);
            *position = padded
                .checked_sub(u64::from(self.kernel_size))
                .and_then(|free| u32::try_from(free / u64::from(self.stride.max(1)) + 1).ok())
                .ok_or_else(|| self.too_large(N, row))?;
        }
        Ok(positions)
    }

    fn too_large(self, dimensions: usize, row: &Row) -> Misfit {
        let window = vec![self.kernel_size.to_string(); dimensions].join(" × ");
        let border = match self.padding {
            0 => String::new(),
            padding => format!(", padded by {padding}"),
        };
        Misfit::new(
            format!("a window of {window} does not fit"),
            format!("gets {row}{border}"),
        )
        .hint("make the window smaller, pad more, or pool less before")
    }
}

/// Refuses a size of nothing.
pub fn at_least_one(name: &str, value: u32) -> Result<(), Misfit> {
    match value {
        0 => Err(Misfit::new(
            format!("`{name}` must be at least 1"),
            "found 0",
        )),
        _ => Ok(()),
    }
}
