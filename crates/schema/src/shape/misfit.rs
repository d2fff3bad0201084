//! A layer that does not fit, with its place in the network. Knows words alone.

use std::fmt;

/// Why a network cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The way to it inside of the `model`: `layers`, `3`.
    pub path: Vec<String>,
    /// What is wrong: `` `conv2d` takes an image ``.
    pub title: String,
    /// What was found: `gets 64 values`.
    pub found: String,
    pub hint: Option<String>,
    /// Whether the loss asks for something else.
    pub is_of_loss: bool,
}

impl Misfit {
    pub fn new(title: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            path: Vec::new(),
            title: title.into(),
            found: found.into(),
            hint: None,
            is_of_loss: false,
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// It is the loss that does not fit.
    #[must_use]
    pub fn of_loss(mut self) -> Self {
        self.is_of_loss = true;
        self
    }

    /// It lies further inside.
    #[must_use]
    pub fn under<T: ToString>(mut self, steps: &[T]) -> Self {
        self.path.splice(..0, steps.iter().map(ToString::to_string));
        self
    }
}

/// Without the hint: `layers[3]: …`.
impl fmt::Display for Misfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.path.iter().enumerate() {
            if step.parse::<usize>().is_ok() {
                write!(formatter, "[{step}]")?;
            } else {
                write!(formatter, "{}{step}", if i > 0 { "." } else { "" })?;
            }
        }
        let colon = if self.path.is_empty() { "" } else { ": " };
        write!(formatter, "{colon}{}: {}", self.title, self.found)
    }
}
