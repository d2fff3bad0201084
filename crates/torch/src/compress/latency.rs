//! How long a network takes for a batch. Varies from run to run, so it is told and never kept in an artifact.

use std::time::{Duration, Instant};

use indexmap::IndexMap;
use tch::Tensor;

use crate::{error::Result, model::Net, rows::Rows};

/// Rows in a batch.
const BATCHES: [i64; 2] = [1, 64];
/// Runs that are not counted, and runs that are, at most.
const WARM_UP: usize = 3;
const RUNS: usize = 50;
/// A slow network gets fewer runs.
const LIMIT: Duration = Duration::from_millis(200);

/// Median milliseconds by batch size: `latency_ms_<when>_batch_1`.
pub fn of(when: &str, net: &Net, rows: &Rows) -> Result<IndexMap<String, f64>> {
    let mut measured = IndexMap::new();
    for batch in BATCHES {
        let copies = batch.div_euclid(rows.len()) + 1;
        let first = rows.batch(None, 0, batch)?.features;
        let input = first.f_repeat([copies, 1])?.f_narrow(0, 0, batch)?;
        let name = format!("latency_ms_{when}_batch_{batch}");
        measured.insert(name, median(net, &input.f_contiguous()?)?);
    }
    Ok(measured)
}

fn median(net: &Net, input: &Tensor) -> Result<f64> {
    let _no_grad = tch::no_grad_guard();
    for _ in 0..WARM_UP {
        let _ = net.forward(input, false)?;
    }
    let start = Instant::now();
    let mut times = Vec::with_capacity(RUNS);
    while times.len() < RUNS && (times.is_empty() || start.elapsed() < LIMIT) {
        let run = Instant::now();
        let _ = net.forward(input, false)?;
        times.push(run.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}
