//! Secrets: wherever a stage may put one, pipe neither shows nor logs it, in no form.

use std::{fs, time::Duration};

use crate::{
    project::{Answer, Project},
    steered::Steered,
};

const TOKEN: &str = "Hunter2secret/XYZ <é> it's \"q\"";

const SPEC: &str = r#"version: 1
name: sec
stages:
  cut:
    command:
      cmd: 'head -c 65530 /dev/zero | tr "\0" C; printf %s "$TOK" | head -c 7; sleep 0.3; printf %s "$TOK" | tail -c +8; printf " 10%%\r"'
      outs: []
    secrets: [TOK]
  fail: {command: {cmd: 'echo "cannot log in with $TOK" >&2; exit 3', outs: [fail.txt]}, secrets: [TOK]}
  forms:
    command:
      cmd:
        - printf %s "$TOK" | base64
        - printf xy%s "$TOK" | base64 -w 20
        - printf %s "$TOK" | od -A n -t x1 -v | tr -d ' \n'
        - printf %s "$TOK" | od -A n -t x1 -v
        - printf 'https://a.org/?t=%s\n' "$(printf %s "$TOK" | od -A n -t x1 -v | tr -d '\n' | tr ' ' %)"
        - set -x; true "$TOK"
      outs: []
    secrets: [TOK]
  metric: {command: {cmd: 'printf "{\"name\": \"a $SHORT\", \"step\": 1, \"value\": 0.2}\n" >> $PIPE_METRICS; echo "bad $TOK" >> $PIPE_METRICS', outs: []}, secrets: [SHORT, TOK]}
  stray: {command: {cmd: 'touch "stray-$SHORT"; touch "$SHORT"', outs: []}, secrets: [SHORT]}
  link: {command: {cmd: 'ln -s "/etc/$TOK" outl', outs: [outl]}, secrets: [TOK]}
  fifo: {command: {cmd: 'mkdir outm; mkfifo "outm/$SHORT"', outs: [outm]}, secrets: [SHORT]}
  report: {command: {cmd: 'printf "{\"$SHORT\": 0.2}" > rep.json', metrics: [rep.json]}, secrets: [SHORT]}
  other: {command: {cmd: 'echo "it was Abcd""1234"', outs: []}}
"#;

/// What may not be found.
fn forms() -> Vec<String> {
    let hex = |it: &str| -> String {
        let bytes: Vec<String> = it.bytes().map(|it| format!("{it:02x}")).collect();
        bytes.concat()
    };
    vec![
        "Hunter2secret".to_owned(),
        "XYZ <é>".to_owned(),
        "SHVudGVyMnNlY3Jl".to_owned(),
        hex("Hunter2sec"),
        "%58%59%5a".to_owned(),
        "48 75 6e 74 65 72".to_owned(),
        "Abcd1234".to_owned(),
    ]
}

fn is_clean(what: &str, text: &str) {
    for form in forms() {
        assert!(
            !text.contains(&form),
            "{what} holds `{form}`:\n{text:.3000}"
        );
    }
}

fn run(project: &Project, words: &[&str]) -> Answer {
    let mut command = project.command(words);
    command.env("TOK", TOKEN).env("SHORT", "Abcd1234");
    Answer::new(&command.output().unwrap(), Duration::ZERO)
}

#[test]
fn secrets_are_masked_in_logs_metrics_names_failures_and_pages() {
    let project = Project::new();
    project.write("pipe.yaml", SPEC);
    for format in [&[][..], &["--format", "json"], &["--verbose"]] {
        // A link that is left there is refused before anything runs.
        let _ = fs::remove_file(project.path("outl"));
        let words = [&["run", "--keep-going", "--force"], format].concat();
        let answer = run(&project, &words);
        assert_eq!(answer.code, Some(1), "{answer}");
        is_clean("the run", &format!("{answer}"));
        assert!(
            answer.out.contains("***") || answer.err.contains("***"),
            "{answer}"
        );
    }
    let logs = walkdir::WalkDir::new(project.path("artifacts/log")).into_iter();
    let logs = logs.flatten().filter(|it| it.file_type().is_file());
    let mut count = 0;
    for log in logs {
        let text = fs::read(log.path()).unwrap();
        is_clean(
            &log.path().display().to_string(),
            &String::from_utf8_lossy(&text),
        );
        count += 1;
    }
    assert!(count > 10, "{count} logs");
    for words in [
        &["runs"][..],
        &["show", "report"],
        &["explain", "report"],
        &["status"],
    ] {
        let answer = run(&project, words);
        is_clean(&format!("{words:?}"), &format!("{answer}"));
    }
    let page = run(&project, &["report", "--output", "page.html"]);
    if page.code == Some(0) {
        is_clean("the page", &project.read("page.html"));
    }
}

#[test]
fn secrets_of_a_worker_are_masked_in_what_it_answers() {
    let spec = crate::steered::SPEC.replace(
        "seed: \"${seed}\"\n",
        "seed: \"${seed}\"\n    secrets: [WORD, NAME]\n    env: {FAKE: \"${fake}\"}\n",
    );
    let spec = spec.replace("seed: 7", "seed: 7, fake: '{}'");
    let steered = Steered::new(&spec);
    let run = |words: &[&str]| {
        let mut command = steered.command(words);
        command
            .env("WORD", "asked to fail")
            .env("NAME", "train.loss");
        Answer::new(&command.output().unwrap(), Duration::ZERO)
    };
    let failed = run(&["--set", "fake='{\"fail\": \"wrong\"}'"]);
    assert_eq!(failed.code, Some(1), "{failed}");
    assert!(failed.out.contains("***: wrong"), "{failed}");
    assert!(!failed.out.contains("asked to fail"), "{failed}");
    let done = run(&[]);
    assert_eq!(done.code, Some(0), "{done}");
    assert!(done.out.contains("\"***\""), "{done}");
    assert!(!done.out.contains("train.loss"), "{done}");
}

#[test]
fn secrets_leave_no_core_file() {
    let project = Project::new();
    project.write(
        "pipe.yaml",
        "version: 1\nname: core\nstages:\n  \
         core: {command: {shell: plain_sh, cmd: 'ulimit -c unlimited; ulimit -Hc unlimited; sh -c \"kill -ABRT \\$\\$\"; grep \"core file\" /proc/self/limits > l.txt', outs: [l.txt]}, secrets: [TOK]}\n",
    );
    assert_eq!(run(&project, &["run"]).code, Some(0));
    let limits = project.read("l.txt");
    assert!(!limits.contains("unlimited"), "{limits}");
    let files = fs::read_dir(project.path("")).unwrap().flatten();
    let mut names = files.map(|it| it.file_name().into_string().unwrap());
    assert!(names.all(|it| !it.starts_with("core")));
}
