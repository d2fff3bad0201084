//! Bits that turn on disk and leave no trace: found before a stage reads them, or else all that was made of them is made
//! again. A file is changed and gets its old time back, and pipe sees no change times (`PIPE_FAULT="rot unseen"`): that stands
//! for a disk that turns a bit.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    project::Answer,
    steered::{SPEC, Steered},
};

pub const COMMANDS: &str = "
  table:
    command: {cmd: 'tr a-z A-Z < in.txt > ${outputs.t}', deps: [in.txt], outputs: {t: {type: files}}}
  lines:
    command: {cmd: 'cat ${inputs.t}/t > lines.txt', inputs: {t: table}, outs: [lines.txt]}
  count:
    command: {cmd: 'wc -c < lines.txt > ${outputs.o}; cat lines.txt >> ${outputs.o}', deps: [lines.txt], outputs: {o: {type: files}}}
";

pub fn commands(stages: &str) -> Steered {
    let steered = Steered::new(&format!("version: 1\nname: rot\nstages:{stages}"));
    steered.project.write("in.txt", "text\n");
    settle();
    steered
}

pub fn workers() -> Steered {
    let steered = Steered::new(SPEC);
    settle();
    steered
}

/// What was written this moment is not believed by its time alone.
pub fn settle() {
    std::thread::sleep(Duration::from_millis(60));
}

pub fn pipe(steered: &Steered, words: &[&str]) -> Answer {
    let begin = Instant::now();
    let mut command = steered.project.command(words);
    command
        .env("PIPE_WORKER", steered.path("worker.sh"))
        .env("PIPE_FAULT", "rot unseen");
    Answer::new(&command.output().unwrap(), begin.elapsed())
}

pub fn done(steered: &Steered, words: &[&str]) -> Answer {
    let answer = pipe(steered, words);
    assert_eq!(answer.code, Some(0), "{words:?}: {answer}");
    answer
}

/// Turns a bit of the first byte of a file.
pub fn turn_a_bit(path: &Path) {
    let stat = fs::metadata(path).unwrap();
    let mut bytes = fs::read(path).unwrap();
    bytes[0] ^= 1;
    fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    fs::write(path, bytes).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(stat.modified().unwrap()).unwrap();
    fs::set_permissions(path, stat.permissions()).unwrap();
}

/// The files of a stage's result, by their bytes.
pub fn result(steered: &Steered, stage: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = fs::canonicalize(steered.path("artifacts/current").join(stage)).unwrap();
    let entries = walkdir::WalkDir::new(&folder)
        .sort_by_file_name()
        .into_iter()
        .flatten();
    let files = entries.filter(|it| it.file_type().is_file());
    files
        .map(|it| {
            let name = it.path().strip_prefix(&folder).unwrap().to_owned();
            (name, fs::read(it.path()).unwrap())
        })
        .collect()
}

fn first_file(steered: &Steered, stage: &str) -> PathBuf {
    let folder = fs::canonicalize(steered.path("artifacts/current").join(stage)).unwrap();
    let name = &result(steered, stage)[0].0;
    folder.join(name)
}

#[test]
fn a_rotten_input_is_made_again_before_a_worker_reads_it() {
    let [steered, other] = [workers(), workers()];
    done(&steered, &["run"]);
    let prepared = result(&steered, "prepare");
    for part in ["train", "val"] {
        let folder = fs::canonicalize(steered.path("artifacts/current/prepare")).unwrap();
        let inside = walkdir::WalkDir::new(folder.join(part))
            .into_iter()
            .flatten();
        let file = inside
            .into_iter()
            .find(|it| it.file_type().is_file())
            .unwrap();
        turn_a_bit(file.path());
        let words = [
            "run",
            "--set",
            if part == "train" { "seed=8" } else { "seed=9" },
        ];
        let run = pipe(&steered, &[&words[..], &["--format", "json"]].concat());
        assert_eq!(run.code, Some(0), "{run}");
        assert!(
            run.stages("stage_started").contains(&"prepare".to_owned()),
            "{run}"
        );
        assert!(
            run.out
                .contains("is damaged: its content is not what it was"),
            "{run}"
        );
        assert_eq!(result(&steered, "prepare"), prepared);
        done(&other, &words);
        for stage in ["fit", "score", "bundle"] {
            assert_eq!(result(&steered, stage), result(&other, stage), "{stage}");
        }
        let verify = pipe(&steered, &["verify"]);
        assert_eq!(verify.code, Some(0), "{verify}");
    }
}

/// A project whose `lines` reads two artifacts, and whose `table` was last read as a whole before `lines` read it.
fn two_inputs() -> Steered {
    let extra = "
  extra:
    command: {cmd: 'seq 9 > ${outputs.e}', outputs: {e: {type: files}}}";
    let stages = COMMANDS.replace("inputs: {t: table}", "inputs: {t: table, e: extra}");
    let steered = commands(&format!("{extra}{stages}"));
    done(&steered, &["run"]);
    // At the end of a run, what was read longest ago of the two is read again: that shall be the other one.
    done(&steered, &["verify"]);
    let object = |stage| fs::canonicalize(steered.path("artifacts/current").join(stage)).unwrap();
    if object("table") < object("extra") {
        done(&steered, &["run", "--force=lines"]);
    }
    steered
}

#[test]
fn rot_that_a_lookup_finds_has_its_readers_made_again_in_the_same_run() {
    let steered = two_inputs();
    done(&steered, &["run", "--force=lines"]);
    let results = ["table", "count"].map(|stage| result(&steered, stage));
    let file = first_file(&steered, "table");
    turn_a_bit(&file);
    // It is read again because of its mode, and nothing tells when its content changed.
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let run = done(&steered, &["run", "--format", "json"]);
    assert_eq!(
        run.stages("stage_started"),
        ["table", "lines", "count"],
        "{run}"
    );
    assert_eq!(run.stages("stage_failed"), [""; 0], "{run}");
    assert_eq!(
        ["table", "count"].map(|stage| result(&steered, stage)),
        results
    );
}

#[test]
fn a_rotten_report_is_made_again_before_it_is_summarized() {
    let steered = commands(
        r#"
  score:
    matrix: {fold: [0, 1]}
    command: {cmd: 'echo "{\"accuracy\": 0.${matrix.fold}5}" > ${outputs.r}', outputs: {r: {type: report}}}
  all:
    summarize: {reports: score.r, over: [fold], stats: [mean]}
"#,
    );
    done(&steered, &["run"]);
    let before = result(&steered, "all");
    turn_a_bit(&first_file(&steered, "score@fold=1"));
    let run = done(&steered, &["run", "--force=all", "--format", "json"]);
    assert!(
        run.stages("stage_started")
            .contains(&"score@fold=1".to_owned()),
        "{run}"
    );
    assert_eq!(result(&steered, "all"), before);
}

#[test]
fn verify_takes_back_what_a_command_made_of_rotten_bytes() {
    let steered = two_inputs();
    let results = ["table", "count"].map(|stage| result(&steered, stage));
    turn_a_bit(&first_file(&steered, "table"));
    // Nothing is to be seen of it.
    assert!(done(&steered, &["run"]).out.contains("nothing to do"));
    done(&steered, &["run", "--force=lines"]);
    assert_eq!(steered.project.read("lines.txt"), "UEXT\n");

    let verify = pipe(&steered, &["verify", "--format", "json"]);
    assert_eq!(verify.code, Some(1), "{verify}");
    let back = verify.json()["taken_back"].as_array().unwrap().clone();
    let mut stages: Vec<_> = back
        .iter()
        .map(|it| it["stage"].as_str().unwrap())
        .collect();
    stages.sort_unstable();
    assert_eq!(stages, ["count", "lines"], "{verify}");
    let run = done(&steered, &["run", "--format", "json"]);
    assert_eq!(run.stages("stage_started"), ["table", "lines"], "{run}");
    assert_eq!(
        ["table", "count"].map(|stage| result(&steered, stage)),
        results
    );
    assert_eq!(steered.project.read("lines.txt"), "TEXT\n");
    let verify = done(&steered, &["verify"]);
    assert!(verify.out.contains("whole"), "{verify}");
}

#[test]
fn a_run_whose_share_finds_rot_takes_back_what_its_commands_made() {
    let steered = commands(COMMANDS);
    done(&steered, &["run"]);
    let results = ["table", "count"].map(|stage| result(&steered, stage));
    turn_a_bit(&first_file(&steered, "table"));
    let forced = pipe(&steered, &["run", "--force=lines", "-v"]);
    assert_eq!(forced.code, Some(1), "{forced}");
    assert!(forced.out.contains("its result was taken back"), "{forced}");
    done(&steered, &["run"]);
    assert_eq!(
        ["table", "count"].map(|stage| result(&steered, stage)),
        results
    );
    assert_eq!(steered.project.read("lines.txt"), "TEXT\n");
}

#[test]
fn a_rotten_out_is_not_brought_back_but_made_again() {
    let steered = commands(
        "
  lines:
    command: {cmd: 'seq 9999 > lines.txt', outs: [lines.txt]}
  count:
    command: {cmd: 'wc -l < lines.txt > ${outputs.o}', deps: [lines.txt], outputs: {o: {type: files}}}
",
    );
    done(&steered, &["run"]);
    let before = steered.project.read("lines.txt");
    let objects = walkdir::WalkDir::new(steered.path("artifacts/objects")).into_iter();
    let out = objects
        .flatten()
        .find(|it| it.file_name() == "lines.txt")
        .unwrap();
    turn_a_bit(out.path());
    fs::remove_file(steered.path("lines.txt")).unwrap();
    let run = done(&steered, &["run", "--format", "json"]);
    assert_eq!(run.stages("stage_started"), ["lines"], "{run}");
    assert_eq!(steered.project.read("lines.txt"), before);
}

#[test]
fn a_source_that_changed_unseen_is_read_before_a_worker_reads_it() {
    let steered = workers();
    done(&steered, &["run"]);
    let before = result(&steered, "prepare");
    turn_a_bit(&steered.path("train.csv"));
    assert!(done(&steered, &["run"]).out.contains("nothing to do"));
    let run = done(&steered, &["run", "--force=prepare", "-v"]);
    assert!(run.out.contains("is damaged"), "{run}");
    assert_ne!(result(&steered, "prepare"), before);
}

#[test]
fn verify_sources_finds_what_changed_with_its_old_times() {
    let steered = commands(COMMANDS);
    done(&steered, &["run"]);
    let verify = done(&steered, &["verify", "--sources"]);
    assert!(verify.out.contains("as read"), "{verify}");
    turn_a_bit(&steered.path("in.txt"));
    assert!(done(&steered, &["run"]).out.contains("nothing to do"));
    let verify = pipe(&steered, &["verify", "--sources"]);
    assert_eq!(verify.code, Some(1), "{verify}");
    assert!(
        verify.out.contains("changed  in.txt (read by table)"),
        "{verify}"
    );
    assert!(verify.out.contains("taken back  count"), "{verify}");
    done(&steered, &["run"]);
    assert_eq!(steered.project.read("lines.txt"), "UEXT\n");
    done(&steered, &["verify", "--sources"]);
}

#[test]
fn cache_sources_hash_reads_the_sources_in_each_run() {
    let stages = COMMANDS.replacen("  table:\n", "  table:\n    cache: {sources: hash}\n", 1);
    let steered = commands(&stages);
    done(&steered, &["run"]);
    let before = done(&steered, &["run"]);
    assert!(before.out.contains("nothing to do"), "{before}");
    turn_a_bit(&steered.path("in.txt"));
    done(&steered, &["run"]);
    assert_eq!(steered.project.read("lines.txt"), "UEXT\n");
}

#[test]
fn verify_sample_reads_all_in_turn() {
    let mut stages = String::new();
    for at in 0..10 {
        let line = format!(
            "\n  s{at}:\n    command: {{cmd: 'seq {at}000 > ${{outputs.o}}', outputs: {{o: {{type: files}}}}}}"
        );
        stages.push_str(&line);
    }
    let steered = commands(&stages);
    done(&steered, &["run"]);
    turn_a_bit(&first_file(&steered, "s3"));
    let mut codes = Vec::new();
    for _ in 0..10 {
        let verify = pipe(&steered, &["verify", "--sample", "20%", "--format", "json"]);
        let counts = ["results", "left"].map(|name| verify.json()[name].as_u64().unwrap());
        assert!(
            (1..10).contains(&counts[0]) && counts[0] + counts[1] >= 9,
            "{verify}"
        );
        codes.push(verify.code);
    }
    assert_eq!(
        codes.iter().filter(|code| **code == Some(1)).count(),
        1,
        "{codes:?}"
    );
    for wrong in ["0", "101%", "-1", "five"] {
        let word = format!("--sample={wrong}");
        assert_eq!(pipe(&steered, &["verify", &word]).code, Some(2), "{wrong}");
    }
}

#[test]
fn records_that_a_cut_journal_lost_are_told_of() {
    let steered = commands(COMMANDS);
    done(&steered, &["run"]);
    let cut = || {
        let mut journals = crate::journal::journals(&steered.path("artifacts"));
        journals.sort_by_key(|it| fs::metadata(it).unwrap().len());
        let journal = journals.pop().unwrap();
        let bytes = fs::read(&journal).unwrap();
        fs::write(&journal, &bytes[..bytes.len() / 2]).unwrap();
    };
    cut();
    // Whoever finds it out first says nothing, and it is told all the same.
    done(&steered, &["status"]);
    let run = done(&steered, &["run"]);
    assert!(run.err.contains("lost with a journal"), "{run}");
    assert!(!done(&steered, &["run"]).err.contains("lost with a journal"));
    // That a run told of it does not make the store whole.
    let verify = pipe(&steered, &["verify"]);
    assert_eq!(verify.code, Some(1), "{verify}");
    assert!(verify.out.contains("lost with a journal"), "{verify}");
    done(&steered, &["verify"]);
    cut();
    let verify = pipe(&steered, &["verify"]);
    assert_eq!(verify.code, Some(1), "{verify}");
    assert!(verify.out.contains("lost with a journal"), "{verify}");
    done(&steered, &["run"]);
    done(&steered, &["verify"]);
}
