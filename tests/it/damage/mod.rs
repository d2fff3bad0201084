//! Damage of every kind to everything in a store, one at a time: the next run finds it, runs again what made it and nothing
//! else, and all is as it was. As an ordinary user, whom closed files keep out; a table, so that a new harm is a line.

mod cases;
mod journals;
mod means;

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use self::{
    cases::{Case, HELPERS, MENDED, OBJECTS},
    journals::JOURNALS,
    means::chmod,
};
use crate::{
    journal::{Frame, frames},
    left_out,
    project::{Answer, Project},
};

const SPEC: &str = "version: 1
name: damage
stages:
  table:
    command:
      cmd: |
        echo table >> .git/journal
        mkdir -p ${outputs.t}/sub
        tr a-z A-Z < in.txt > ${outputs.t}/upper
        echo x > ${outputs.t}/sub/x
        chmod +x ${outputs.t}/sub/x
        ln -s sub/x ${outputs.t}/link
      deps: [in.txt]
      outputs: {t: {type: files}}
  lines:
    command: {cmd: 'echo lines >> .git/journal; cp ${inputs.t}/upper lines.txt; (cat lines.txt; head -c 20000 /dev/zero) > large.txt', inputs: {t: table}, outs: [lines.txt, large.txt]}
  count:
    command: {cmd: 'echo count >> .git/journal; cat ${inputs.t}/sub/x lines.txt > ${outputs.o}', deps: [lines.txt], inputs: {t: table}, outputs: {o: {type: files}}}
";

/// A store with these results, and who may do what with it.
struct Place {
    project: Project,
}

impl Place {
    fn new() -> Self {
        let project = Project::new();
        project.write("pipe.yaml", SPEC);
        project.write("in.txt", "text\n");
        let place = Self { project };
        let first = place.pipe(&["run"]);
        assert_eq!(first.code, Some(0), "{first}");
        place
    }

    fn pipe(&self, words: &[&str]) -> Answer {
        self.project.ordinary(words)
    }

    fn store(&self, path: &str) -> PathBuf {
        self.project.path("artifacts").join(path)
    }

    /// Where the stage's only result lies.
    fn object(&self, stage: &str) -> PathBuf {
        fs::canonicalize(self.store("current").join(stage)).unwrap()
    }

    /// The frame of the stage's record.
    fn record(&self, stage: &str) -> Frame {
        let mark = format!("\"stage\":\"{stage}\"");
        self.frame('r', &mark)
    }

    /// The newest frame of a kind that has this in it.
    fn frame(&self, kind: char, mark: &str) -> Frame {
        let frames = frames(&self.store(""), kind).into_iter().rev();
        let mut meant = frames.filter(|it| String::from_utf8_lossy(&it.content).contains(mark));
        meant.next().unwrap()
    }

    /// The frame of the small out that stage `lines` leaves in the workspace.
    fn small(&self) -> Frame {
        self.frame('p', "lines.txt")
    }

    /// Where the store keeps the large one.
    fn large(&self) -> PathBuf {
        let objects = walkdir::WalkDir::new(self.store("objects")).into_iter();
        let mut paths = objects.flatten().map(walkdir::DirEntry::into_path);
        paths.find(|it| it.ends_with("large.txt")).unwrap()
    }

    /// All that users see.
    fn results(&self) -> Vec<(String, String)> {
        let mut results = Vec::new();
        for name in ["table/upper", "table/sub/x", "table/link", "count/o"] {
            let path = self.store("current").join(name);
            let mode = fs::metadata(&path).map_or(0, |it| it.permissions().mode());
            let text = fs::read_to_string(&path).unwrap_or_default();
            results.push((name.to_owned(), format!("{mode:o} {text}")));
        }
        for out in ["lines.txt", "large.txt"] {
            results.push((out.to_owned(), self.project.read(out)));
        }
        results
    }

    /// What ran since the last time this was asked.
    fn ran(&self) -> BTreeSet<String> {
        let journal = self.project.path(".git/journal");
        let text = fs::read_to_string(&journal).unwrap_or_default();
        let _ = fs::remove_file(&journal);
        text.lines().map(str::to_owned).collect()
    }
}

fn try_all(cases: &[Case]) {
    let mut place = Place::new();
    let results = place.results();
    let mut wrong = Vec::new();
    for (what, harm, again, text) in cases {
        place.ran();
        harm(&place);
        let run = place.pipe(&["run", "-v"]);
        let ran = place.ran();
        let mut trouble = Vec::new();
        if run.code != Some(0) {
            trouble.push("the run failed".to_owned());
        }
        if !again.iter().copied().eq(ran.iter().map(String::as_str)) {
            trouble.push(format!("{ran:?} ran, not {again:?}"));
        }
        if !run.out.contains(text) {
            trouble.push(format!("it does not say `{text}`"));
        }
        if place.results() != results {
            trouble.push(format!("other results: {:#?}", place.results()));
        }
        let mut verify = place.pipe(&["verify"]);
        // Records that came back from the logs are counted once, though the run told of them.
        if verify.out.contains("lost with a journal") {
            verify = place.pipe(&["verify"]);
        }
        let next = place.pipe(&["run"]);
        if verify.code != Some(0) || !next.out.contains(MENDED) || !place.ran().is_empty() {
            trouble.push(format!("it is not mended: {verify}\n{next}"));
        }
        if !trouble.is_empty() {
            wrong.push(format!("== {what}: {}\n{run}", trouble.join("; ")));
            place = Place::new();
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

#[test]
fn damaged_artifacts_are_found_and_made_again_in_the_same_run() {
    try_all(OBJECTS);
}

#[test]
fn damaged_journals_cost_what_nothing_else_has() {
    try_all(JOURNALS);
}

#[test]
fn what_can_be_made_anew_costs_no_stage() {
    try_all(HELPERS);
}

/// The lists of runs come from an index that the logs make anew.
#[test]
fn runs_are_listed_whatever_became_of_the_database_and_of_single_lines() {
    let place = Place::new();
    place.pipe(&["run"]);
    let list = |place: &Place| {
        let answer = place.pipe(&["runs", "--format", "json"]);
        assert_eq!(answer.code, Some(0), "{answer}");
        answer.json()
    };
    let before = list(&place);
    let database = place.store("pipe.db");
    let harms: [fn(&Path); 6] = [
        zero_bytes,
        |it| fs::write(it, "no database").unwrap(),
        |it| fs::write(it, "").unwrap(),
        |it| fs::remove_file(it).unwrap(),
        |it| chmod(it, 0),
        |it| {
            fs::remove_file(it).unwrap();
            fs::create_dir(it).unwrap();
        },
    ];
    for (at, harm) in harms.iter().enumerate() {
        harm(&database);
        assert_eq!(list(&place), before, "harm {at}");
    }
    fs::remove_dir(&database).unwrap();
    // A line that was torn is left out; the rest of the run is told.
    let logs: Vec<PathBuf> = fs::read_dir(place.store("log/runs"))
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    for log in logs {
        let mut text = fs::read_to_string(&log).unwrap();
        text.push_str("{\"at\":1,\"event\":{\"stage_");
        fs::write(log, text).unwrap();
    }
    assert_eq!(list(&place), before);
}

fn zero_bytes(path: &Path) {
    let length = fs::metadata(path).unwrap().len();
    fs::write(path, vec![0; length as usize]).unwrap();
}

/// What nobody can mend is told, and the next run after it was put right works.
#[test]
fn a_store_of_somebody_else_is_told_with_its_owner() {
    let place = Place::new();
    if !nix::unistd::geteuid().is_root() {
        left_out::for_lack_of_kernel_feature(
            "a store of somebody else",
            "only root can give files away",
        );
        return;
    }
    let file = place.object("count").join("o");
    chmod(&file, 0o600);
    nix::unistd::chown(&file, Some(12345.into()), None).unwrap();
    let run = place.pipe(&["run"]);
    assert_eq!(run.code, Some(1), "{run}");
    for text in [
        "cannot read",
        "permission denied",
        "hint: check who owns it: `ls -ld",
    ] {
        assert!(run.out.contains(text), "{text}: {run}");
    }
    nix::unistd::chown(&file, Some(0.into()), None).unwrap();
    let next = place.pipe(&["run"]);
    assert!(next.out.contains(MENDED), "{next}");
}

#[test]
fn folders_closed_by_a_command_are_published_and_removed() {
    let place = Place::new();
    place.project.write(
        "closed.yaml",
        "version: 1
name: closed
stages:
  closed:
    command: {cmd: 'mkdir -p ${outputs.o}/a/b made/c/d; echo x > ${outputs.o}/a/b/x; echo y > made/c/d/y; chmod 0 ${outputs.o}/a/b/x ${outputs.o}/a/b ${outputs.o}/a', outputs: {o: {type: files}}, outs: [made]}
",
    );
    let words = ["run", "closed.yaml"];
    let run = place.pipe(&words);
    assert_eq!(run.code, Some(0), "{run}");
    let file = place.store("current/closed/a/b/x");
    assert_eq!(fs::read_to_string(file).unwrap(), "x\n");
    for path in ["made/c/d", "made/c", "made"] {
        chmod(&place.project.path(path), 0);
    }
    let forced = place.pipe(&[&words[..], &["--force"]].concat());
    assert_eq!(forced.code, Some(0), "{forced}");
    assert_eq!(place.project.read("made/c/d/y"), "y\n");
    let clean = place.pipe(&["clean", "--yes"]);
    assert_eq!(clean.code, Some(0), "{clean}");
    // What could not be read was moved out of the way, and is kept.
    let left: Vec<_> = fs::read_dir(place.store("")).unwrap().flatten().collect();
    assert!(
        left.iter().all(|it| [".gitignore", "quarantine"]
            .iter()
            .any(|name| it.file_name() == *name)),
        "{left:?}"
    );
}
