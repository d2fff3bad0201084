//! From numbers to places on an axis, and round numbers to mark on it.

/// A range of numbers on a stretch of the picture.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub low: f64,
    pub high: f64,
    pub from: f64,
    pub to: f64,
}

impl Scale {
    /// Where a number lies.
    pub fn place(&self, value: f64) -> f64 {
        // Halves, so that the widest range of f64 does not overflow.
        let share = (value / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0);
        self.from + share * (self.to - self.from)
    }
}

/// The range of the finite numbers, a little wider, never empty.
pub fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values.filter(|it| it.is_finite()) {
        low = low.min(value);
        high = high.max(value);
    }
    if low > high {
        return (0.0, 1.0);
    }
    let room = match (high / 2.0 - low / 2.0) * 0.1 {
        room if room > 0.0 => room,
        _ if low == 0.0 => 1.0,
        _ => low.abs() * 0.1,
    };
    ((low - room).max(f64::MIN), (high + room).min(f64::MAX))
}

/// Round numbers within a range, about `count` of them, with their texts.
pub fn ticks(low: f64, high: f64, count: usize) -> Vec<(f64, String)> {
    let step = round_step((high - low) / count.max(1) as f64);
    if !step.is_finite() || step <= 0.0 {
        return Vec::new();
    }
    let first = (low / step).ceil();
    let last = (high / step + 1e-9).floor();
    if !(first.is_finite() && last.is_finite()) || last - first > 50.0 {
        return Vec::new();
    }
    let digits = (-step.log10().floor()).max(0.0) as usize;
    (0..=(last - first) as usize)
        .map(|it| {
            let value = (first + it as f64) * step;
            (value, text(value, step, digits))
        })
        .collect()
}

fn text(value: f64, step: f64, digits: usize) -> String {
    let value = if value.abs() < step / 2.0 { 0.0 } else { value };
    if value != 0.0 && (value.abs() >= 1e6 || digits > 4) {
        return format!("{value:.1e}").replace(".0e", "e");
    }
    format!("{value:.digits$}")
}

/// 1, 2 or 5 times a power of ten, at least as large.
fn round_step(rough: f64) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    let factor = rough / power;
    let round = [1.0, 2.0, 5.0].into_iter().find(|it| factor <= it + 1e-9);
    round.unwrap_or(10.0) * power
}
