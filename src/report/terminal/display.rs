//! What moves at the bottom of a terminal, drawn by a thread of its own a few times a second: what thousands of short
//! stages do in between costs the run nothing.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::{
    figures,
    style::{DIM, paint},
};

/// How often something moves.
const TICK: Duration = Duration::from_millis(120);
/// What comes within this time is drawn at once.
const TOGETHER: Duration = Duration::from_millis(60);
/// Stages that are shorter are not shown while they run.
const SHORT: Duration = Duration::from_millis(200);
/// Running stages that are shown; more are counted.
const SHOWN: usize = 12;

/// Lines that scroll by, and below them what runs.
pub struct Display {
    changes: Arc<Changes>,
    drawing: Option<JoinHandle<()>>,
}

/// What is to be drawn. A channel would wake the thread for each.
#[derive(Default)]
struct Changes {
    queue: Mutex<Queue>,
    has_come: Condvar,
}

#[derive(Default)]
struct Queue {
    changes: Vec<Change>,
    /// Whether the thread wants to hear of the next one at once.
    is_awaited: bool,
    is_over: bool,
}

enum Change {
    Say(String),
    Begin { stage: String, name: String },
    Tell { stage: String, message: String },
    End(String),
    Count(Counts),
}

/// How many stages stand how.
#[derive(Clone, Copy)]
pub struct Counts {
    pub total: u64,
    pub ended: u64,
    pub running: u64,
    pub cached: u64,
    pub failed: u64,
    pub has_color: bool,
}

impl Counts {
    fn text(&self) -> String {
        let mut words = vec![format!(
            "{} of {}",
            self.ended,
            figures::plural(self.total, "stage")
        )];
        for (number, word) in [
            (self.running, "running"),
            (self.cached, "cached"),
            (self.failed, "failed"),
        ] {
            if number > 0 {
                words.push(format!("{number} {word}"));
            }
        }
        let words = words.join(" · ");
        if self.has_color {
            paint(DIM, words)
        } else {
            words
        }
    }
}

impl Display {
    /// A display on standard output.
    pub fn new() -> io::Result<Self> {
        let changes = Arc::new(Changes::default());
        let to_draw = Arc::clone(&changes);
        let drawing = thread::Builder::new().spawn(move || Drawing::new().draw(&to_draw))?;
        Ok(Self {
            changes,
            drawing: Some(drawing),
        })
    }

    fn change(&self, change: Change) {
        self.changes.tell(|it| it.changes.push(change));
    }

    /// Lets a line scroll by.
    pub fn say(&self, line: String) {
        self.change(Change::Say(line));
    }

    /// A stage runs.
    pub fn begin(&self, stage: &str, name: String) {
        let stage = stage.to_owned();
        self.change(Change::Begin { stage, name });
    }

    /// How far a running stage is.
    pub fn tell(&self, stage: &str, message: String) {
        let stage = stage.to_owned();
        self.change(Change::Tell { stage, message });
    }

    /// A stage runs no more.
    pub fn end(&self, stage: &str) {
        self.change(Change::End(stage.to_owned()));
    }

    pub fn count(&self, counts: Counts) {
        self.change(Change::Count(counts));
    }

    /// Draws what is left, and takes away what moves.
    pub fn finish(&mut self) {
        if let Some(drawing) = self.drawing.take() {
            self.changes.tell(|it| {
                it.is_over = true;
                it.is_awaited = true;
            });
            let _ = drawing.join();
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Changes {
    fn tell(&self, change: impl FnOnce(&mut Queue)) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut queue);
        if std::mem::take(&mut queue.is_awaited) {
            self.has_come.notify_one();
        }
    }

    /// What came, with what comes soon after the first; and whether it is the last. Nothing, if nothing comes for a while
    /// and `is_moving`.
    fn next(&self, is_moving: bool) -> (Vec<Change>, bool) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let until = is_moving.then(|| Instant::now() + TICK);
        while queue.changes.is_empty() && !queue.is_over {
            queue.is_awaited = true;
            let left = until.map(|it| it.saturating_duration_since(Instant::now()));
            queue = match left {
                None => self
                    .has_come
                    .wait(queue)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => break,
                Some(left) => {
                    let waited = self.has_come.wait_timeout(queue, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        queue.is_awaited = false;
        if !queue.changes.is_empty() {
            let waited = self
                .has_come
                .wait_timeout_while(queue, TOGETHER, |it| !it.is_over);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        (std::mem::take(&mut queue.changes), queue.is_over)
    }
}

struct Running {
    since: Instant,
    name: String,
    message: String,
    bar: Option<ProgressBar>,
}

/// What is drawn.
struct Drawing {
    display: MultiProgress,
    footer: Option<ProgressBar>,
    running: HashMap<String, Running>,
    /// Lines that wait to be drawn.
    lines: Vec<String>,
    counts: Option<Counts>,
}

impl Drawing {
    fn new() -> Self {
        Self {
            display: MultiProgress::with_draw_target(ProgressDrawTarget::stdout_with_hz(15)),
            footer: None,
            running: HashMap::new(),
            lines: Vec::new(),
            counts: None,
        }
    }

    fn draw(mut self, changes: &Changes) {
        loop {
            // Where nothing runs, nothing moves.
            let (came, is_over) = changes.next(!self.running.is_empty());
            for change in came {
                self.take(change);
            }
            self.print();
            if is_over {
                if let Some(footer) = self.footer {
                    footer.finish_and_clear();
                }
                let _ = self.display.clear();
                return;
            }
            self.move_on();
        }
    }

    fn take(&mut self, change: Change) {
        match change {
            Change::Say(line) => self.lines.push(line),
            Change::Begin { stage, name } => {
                let running = Running {
                    since: Instant::now(),
                    name,
                    message: String::new(),
                    bar: None,
                };
                let old = self.running.insert(stage, running);
                self.remove(old);
            }
            Change::Tell { stage, message } => {
                if let Some(running) = self.running.get_mut(&stage) {
                    running.message = message;
                }
            }
            Change::End(stage) => {
                let ended = self.running.remove(&stage);
                self.remove(ended);
            }
            Change::Count(counts) => self.counts = Some(counts),
        }
    }

    fn remove(&self, ended: Option<Running>) {
        if let Some(bar) = ended.and_then(|it| it.bar) {
            bar.finish_and_clear();
            self.display.remove(&bar);
        }
    }

    fn print(&mut self) {
        if !self.lines.is_empty() {
            let _ = self.display.println(self.lines.join("\n"));
            self.lines.clear();
        }
    }

    fn move_on(&mut self) {
        let shown = self.running.values().filter(|it| it.bar.is_some()).count();
        let mut waiting: Vec<&mut Running> = (self.running.values_mut())
            .filter(|it| it.bar.is_none() && it.since.elapsed() >= SHORT)
            .collect();
        waiting.sort_by_key(|it| it.since);
        for running in waiting.into_iter().take(SHOWN.saturating_sub(shown)) {
            let bar = ProgressBar::new_spinner()
                .with_style(style("{spinner} {prefix} {elapsed:>4}  {wide_msg}"))
                .with_prefix(running.name.clone())
                .with_elapsed(running.since.elapsed());
            running.bar = Some(match &self.footer {
                Some(footer) => self.display.insert_before(footer, bar),
                None => self.display.add(bar),
            });
        }
        for running in self.running.values() {
            if let Some(bar) = &running.bar {
                bar.set_message(running.message.clone());
                bar.tick();
            }
        }
        if let Some(counts) = self.counts.take() {
            let footer = self.footer.get_or_insert_with(|| {
                let footer = ProgressBar::new_spinner().with_style(style("{wide_msg}"));
                self.display.add(footer)
            });
            footer.set_message(counts.text());
            footer.tick();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants of this file; a bad one falls back to indicatif's own.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_understood() {
        for template in ["{wide_msg}", "{spinner} {prefix} {elapsed:>4}  {wide_msg}"] {
            assert!(ProgressStyle::with_template(template).is_ok());
        }
    }
}
