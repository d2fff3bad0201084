//! Files of the project that were written while commands ran, and that no stage declares: a later run would not bring them
//! back. Looks at names and times only. Who wrote a file cannot be known, only what ran at that moment.

use std::{
    collections::{BTreeMap, HashSet},
    fs::Metadata,
    io,
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Instant, SystemTime},
};

use pipe_schema::{run::Event, text::one_line};
use rustix::fd::AsFd;
use walkdir::WalkDir;

use super::cycle::Cycle;
use crate::{
    plan::{Plan, paths},
    store::Store,
};

/// No more than this is looked at, at the end of a run that executed commands.
const MAX_ENTRIES: usize = 50_000;
/// So many are named.
const MAX_NAMES: usize = 3;
/// Times of files are those of the last tick of the kernel's clock.
const TICK: i64 = 10_000_000;

/// When commands ran, in nanoseconds since 1970.
#[derive(Default)]
pub(super) struct Strays {
    /// Before the first of them, by the clock of files.
    since: Option<i64>,
    spans: Vec<Span>,
}

struct Span {
    stage: usize,
    from: i64,
    to: i64,
}

/// A file or new folder that nobody declares.
struct Stray {
    path: String,
    time: i64,
}

/// What is spoken of in the plan, relative to its folder.
struct Declared {
    paths: HashSet<String>,
    /// Folders above them.
    above: HashSet<String>,
    patterns: Vec<glob::Pattern>,
}

impl Strays {
    /// A command is about to start.
    pub fn begin(&mut self, store: &Store) {
        self.since.get_or_insert_with(|| store.file_time());
    }

    /// The command of a stage ended well, having begun at this moment.
    pub fn end(&mut self, stage: usize, since: Instant) {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |it| it.as_nanos() as i64);
        self.spans.push(Span {
            stage,
            from: now - since.elapsed().as_nanos() as i64,
            to: now,
        });
    }

    /// What ran at this time, as far as times tell.
    fn at(&self, time: i64) -> Vec<usize> {
        let spans = self.spans.iter();
        let spans = spans.filter(|it| it.from - TICK <= time && time <= it.to);
        spans.map(|it| it.stage).collect()
    }
}

impl Cycle<'_> {
    /// Tells of each, at the stage that may have written it.
    pub(super) fn tell_strays(&mut self) {
        let Some(since) = self.strays.since.filter(|_| !self.is_interrupted()) else {
            return;
        };
        let folder = &self.options.folder;
        let declared = Declared::of(self.plan);
        let mut found: BTreeMap<Vec<usize>, Vec<String>> = BTreeMap::new();
        for stray in find(folder, self.store.root(), &declared, since) {
            let mut stages = self.strays.at(stray.time);
            stages.sort_unstable();
            if !stages.is_empty() {
                found.entry(stages).or_default().push(stray.path);
            }
        }
        for (stages, paths) in found {
            let ids: Vec<&str> = stages
                .iter()
                .map(|it| self.order[*it].id.as_str())
                .collect();
            let text = text_of(&paths, &ids[1..]);
            let stage = ids[0].to_owned();
            (self.events)(Event::StageLog { stage, text });
        }
    }
}

impl Declared {
    fn of(plan: &Plan) -> Self {
        let mut declared = Self {
            paths: HashSet::new(),
            above: HashSet::new(),
            patterns: Vec::new(),
        };
        for stage in plan.stages.values() {
            let files = stage.files.iter().filter(|it| it.remote.is_none());
            for path in stage.outs.iter().chain(files.map(|it| &it.path)) {
                if paths::is_glob(path) {
                    declared.patterns.extend(glob::Pattern::new(path));
                }
                let mut folder = paths::folder(path);
                while !folder.is_empty() && declared.above.insert(folder.to_owned()) {
                    folder = paths::folder(folder);
                }
                declared.paths.insert(path.clone());
            }
        }
        declared
    }

    fn has(&self, path: &str) -> bool {
        self.paths.contains(path) || self.patterns.iter().any(|it| it.matches(path))
    }
}

/// Files that changed after this time, and folders that are new since. Hidden ones and caches of interpreters are nobody's.
fn find(folder: &Path, store: &Path, declared: &Declared, since: i64) -> Vec<Stray> {
    let printed = printed_to();
    let mut strays = Vec::new();
    let mut walk = WalkDir::new(folder)
        .min_depth(1)
        .sort_by_file_name()
        .into_iter();
    let mut count = 0;
    while let Some(entry) = walk.next() {
        count += 1;
        if count > MAX_ENTRIES {
            break;
        }
        // What cannot be read is no news.
        let Ok(entry) = entry else { continue };
        let is_folder = entry.file_type().is_dir();
        let name = entry.file_name().to_string_lossy();
        let path = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        let path = path.to_string_lossy().into_owned();
        let is_known = name.starts_with('.')
            || name == "__pycache__"
            || declared.has(&path)
            || is_folder && entry.path() == store;
        let metadata = match entry.metadata() {
            Ok(metadata) if !is_known => metadata,
            _ => {
                if is_folder {
                    walk.skip_current_dir();
                }
                continue;
            }
        };
        if is_folder {
            let made =
                made_at(&metadata).filter(|it| *it > since && !declared.above.contains(&path));
            if let Some(time) = made {
                walk.skip_current_dir();
                let path = format!("{path}/");
                strays.push(Stray { path, time });
            }
            continue;
        }
        let time = metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec();
        if time > since && !printed.contains(&(metadata.dev(), metadata.ino())) {
            strays.push(Stray { path, time });
        }
    }
    strays
}

/// When a folder was made, where the file system knows.
fn made_at(metadata: &Metadata) -> Option<i64> {
    let made = metadata.created().ok()?;
    let since = made.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(since.as_nanos() as i64)
}

/// The files that this process writes to, as in `pipe run > log`.
fn printed_to() -> Vec<(u64, u64)> {
    let (out, error) = (io::stdout(), io::stderr());
    [out.as_fd(), error.as_fd()]
        .into_iter()
        .filter_map(|it| rustix::fs::fstat(it).ok())
        .map(|it| (it.st_dev, it.st_ino))
        .collect()
}

fn text_of(paths: &[String], others: &[&str]) -> String {
    let (what, were) = named(paths);
    let ran = match others {
        [] => "it ran".to_owned(),
        [other] => format!("it or `{other}` ran"),
        others => format!("it and {} others ran", others.len()),
    };
    let them = if paths.len() == 1 { "it" } else { "them" };
    format!("warning: {what} {were} written while {ran}, and no stage declares {them} in `outs`")
}

/// The first of these paths and how many more there are, with the verb.
pub(super) fn named(paths: &[String]) -> (String, &'static str) {
    let named: Vec<String> = paths
        .iter()
        .take(MAX_NAMES)
        .map(|it| format!("`{}`", one_line(it)))
        .collect();
    let more = paths.len() - named.len();
    match (named.as_slice(), more) {
        ([one], 0) => (one.clone(), "was"),
        ([before @ .., last], 0) => (format!("{} and {last}", before.join(", ")), "were"),
        (all, more) => (format!("{} and {more} more", all.join(", ")), "were"),
    }
}
