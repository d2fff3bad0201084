//! Two runs of the same stages and a gc at once, many times: each key is executed once, nobody fails, and results are
//! right. `PIPE_PROOF=full` takes 1,000 rounds.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::project::Project;

const FULL: u32 = 1_000;
const SMALL: u32 = 40;

/// Layers that wait for each other, outs among them, and a stage that nobody waits for.
const SPEC: &str = "version: 1
name: race
stages:
  a:
    command: {cmd: 'echo a >> .git/journal; cat in > ${outputs.o}', deps: [in], outputs: {o: {type: files}}}
  b:
    command: {cmd: 'echo b >> .git/journal; cat ${inputs.i}/o in > b.out', deps: [in], inputs: {i: a}, outs: [b.out]}
  c:
    command: {cmd: 'echo c >> .git/journal; (cat ${inputs.i}/o; echo c) > ${outputs.o}', inputs: {i: a}, outputs: {o: {type: files}}}
  d:
    command: {cmd: 'echo d >> .git/journal; (cat ${inputs.i}/o b.out; echo d) > ${outputs.o}', deps: [b.out], inputs: {i: c}, outputs: {o: {type: files}}}
  e:
    command: {cmd: 'echo e >> .git/journal; cat in in > ${outputs.o}', deps: [in], outputs: {o: {type: files}}}
";

fn start(project: &Project, words: &[&str], name: &str) -> Child {
    let file = File::create(project.path(&format!(".git/{name}"))).unwrap();
    project
        .command(words)
        .stdout(Stdio::from(file.try_clone().unwrap()))
        .stderr(Stdio::from(file))
        .spawn()
        .unwrap()
}

#[test]
fn two_runs_and_a_gc_at_once_make_each_key_once_and_nobody_fails() {
    let begin = Instant::now();
    let is_full = std::env::var_os("PIPE_PROOF").is_some_and(|it| it == "full");
    let rounds = if is_full { FULL } else { SMALL };
    let project = Project::new();
    project.write("pipe.yaml", SPEC);
    let (mut executed, mut collected) = (0, 0);
    for round in 0..rounds {
        // Every fourth time it is what it was before: the result may be there, or gc may have taken it.
        let is_old = round % 4 == 3;
        let text = format!("{}\n", if is_old { round - 2 } else { round });
        project.write("in", &text);
        let journal = project.path(".git/journal");
        let _ = fs::remove_file(&journal);
        let first = start(&project, &["run", "--jobs", "2"], "first");
        thread::sleep(Duration::from_millis(u64::from(round % 7) * 3));
        let gc = (round > 0).then(|| start(&project, &["gc", "--keep-runs", "0"], "gc"));
        thread::sleep(Duration::from_millis(u64::from(round % 5) * 3));
        let second = start(&project, &["run", "--jobs", "2"], "second");
        for (mut child, name) in [(first, "first"), (second, "second")] {
            let status = child.wait().unwrap();
            let told = project.read(&format!(".git/{name}"));
            assert!(status.success(), "round {round}, {name}: {status}\n{told}");
        }
        if let Some(mut gc) = gc {
            let code = gc.wait().unwrap().code();
            let told = project.read(".git/gc");
            assert_eq!(code, Some(0), "round {round}, gc: {told}");
            collected += u32::from(!told.contains("nothing to remove"));
        }
        let mut counts = BTreeMap::new();
        for line in fs::read_to_string(&journal).unwrap_or_default().lines() {
            *counts.entry(line.to_owned()).or_insert(0) += 1;
            executed += 1;
        }
        for stage in ["a", "b", "c", "d", "e"] {
            let count = counts.get(stage).copied().unwrap_or(0);
            let least = usize::from(!is_old);
            assert!(
                (least..=1).contains(&count),
                "round {round}: {stage} was executed {count} times\n{}\n{}\n{}",
                project.read(".git/first"),
                project.read(".git/second"),
                project.read(".git/gc"),
            );
        }
        let current = |path: &str| project.read(&format!("artifacts/current/{path}"));
        assert_eq!(current("a/o"), text);
        assert_eq!(project.read("b.out"), format!("{text}{text}"));
        assert_eq!(current("d/o"), format!("{text}c\n{text}{text}d\n"));
        assert_eq!(current("e/o"), format!("{text}{text}"));
    }
    let verify = project.pipe(&["verify"]);
    assert_eq!(verify.code, Some(0), "{verify}");
    println!(
        "{rounds} rounds of two runs and a gc: {executed} executions, {collected} times gc took something, {:.0} s",
        begin.elapsed().as_secs_f64()
    );
}
