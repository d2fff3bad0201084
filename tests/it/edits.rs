//! Edits of a spec that a run with nothing to do came before: the stages that they do not touch are not looked at, and all
//! else goes as it would without that.

use std::{collections::BTreeSet, fs, path::Path, thread, time::Duration};

use serde_json::Value;

use crate::{
    project::Project,
    repeats::{last_log, ran, settle},
};

/// More stages than are shown one by one.
const LINKS: usize = 40;

/// A chain of commands from a source, beside a stage with a typed output and one that reads it.
fn spec() -> String {
    let mut text = "version: 1\nname: edits\nstages:\n".to_owned();
    for at in 0..LINKS {
        let before = match at {
            0 => "in.txt".to_owned(),
            _ => format!("out/{}", at - 1),
        };
        text += &format!(
            "  s{at}:\n    command: {{cmd: 'echo s{at} >> .git/journal; cat {before} > out/{at}', deps: [{before}], outs: [out/{at}]}}\n"
        );
    }
    text + "  typed:
    command: {cmd: 'echo typed >> .git/journal; cat in.txt > ${outputs.it}', deps: [in.txt], outputs: {it: {type: files}}}
  reads:
    command: {cmd: 'echo reads >> .git/journal; cat ${inputs.it}/it > reads.txt', inputs: {it: typed.it}, outs: [reads.txt]}
"
}

fn project() -> Project {
    let project = Project::new();
    project.write("in.txt", "1\n");
    project.write("pipe.yaml", &spec());
    project.done(&["run"]);
    settle(&project);
    project
}

/// The stages that the last run told besides those that it did not look at; None where it looked at all of them.
fn besides(project: &Project) -> Option<BTreeSet<String>> {
    let log = fs::read_to_string(last_log(project)).unwrap();
    let events = log
        .lines()
        .map(|it| serde_json::from_str::<Value>(it).unwrap());
    let mut repeated = events.filter_map(|it| it["event"].get("run_repeated").cloned());
    let repeated = repeated.next()?;
    let besides = repeated["besides"].as_array().cloned().unwrap_or_default();
    Some(
        besides
            .iter()
            .map(|it| it.as_str().unwrap().to_owned())
            .collect(),
    )
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

/// From this link of the chain on.
fn from(first: usize) -> BTreeSet<String> {
    (first..LINKS).map(|it| format!("s{it}")).collect()
}

#[test]
fn what_an_edit_does_not_touch_is_not_looked_at() {
    let project = &project();
    let all = LINKS + 2;
    // The same content comes of it, so that nothing below runs.
    let edited = spec().replace("cat out/29 >", "cat < out/29 >");
    project.write("pipe.yaml", &edited);
    let told = project.done(&["run"]).out;
    assert_eq!(ran(project), ["s30"]);
    assert_eq!(besides(project), Some(from(30)));
    assert!(
        told.contains("1 ran") && told.contains(&format!("{} cached", all - 1)),
        "{told}"
    );
    settle(project);
    // What the store has of an earlier spec is found there.
    project.write("pipe.yaml", &spec());
    let told = project.done(&["run"]).out;
    assert!(ran(project).is_empty());
    assert_eq!(besides(project), Some(from(30)));
    assert!(
        told.contains(&format!("nothing to do: {all} cached")),
        "{told}"
    );
    // And from then on all of it is known.
    settle(project);
    assert_eq!(besides(project), Some(BTreeSet::new()));
}

#[test]
fn an_out_that_an_edit_left_behind_is_put_right() {
    let project = &project();
    let edited = spec().replace("cat out/38 >", "tr 1 2 < out/38 >");
    project.write("pipe.yaml", &edited);
    project.done(&["run"]);
    assert_eq!(
        (ran(project), project.read("out/39")),
        (vec!["s39".to_owned()], "2\n".to_owned())
    );
    settle(project);
    project.write("pipe.yaml", &spec());
    project.done(&["run"]);
    assert_eq!(
        (ran(project), project.read("out/39")),
        (vec![], "1\n".to_owned())
    );
    assert_eq!(besides(project), Some(set(["s39"])));
}

#[test]
fn results_that_people_find_follow_an_edit_that_is_taken_back() {
    let project = &project();
    let edited = spec().replace(
        "cat in.txt > ${outputs.it}",
        "cat in.txt in.txt > ${outputs.it}",
    );
    project.write("pipe.yaml", &edited);
    project.done(&["run"]);
    assert_eq!(ran(project), ["typed", "reads"]);
    settle(project);
    let found = || {
        let more = "  more: {command: {cmd: 'cat ${inputs.it}/it > more.txt', inputs: {it: typed.it}, outs: [more.txt]}}\n";
        let spec = project.read("pipe.yaml");
        project.write("pipe.yaml", &format!("{spec}{more}"));
        project.done(&["run"]);
        [
            project.read("artifacts/current/typed/it"),
            project.read("reads.txt"),
            project.read("more.txt"),
        ]
    };
    for _ in 0..2 {
        for (text, content) in [(spec(), "1\n"), (edited.clone(), "1\n1\n")] {
            project.write("pipe.yaml", &text);
            project.done(&["run"]);
            assert!(ran(project).is_empty());
            assert_eq!(besides(project), Some(set(["reads", "typed"])));
            assert_eq!(found(), [content; 3]);
            project.write("pipe.yaml", &text);
            settle(project);
        }
    }
}

#[test]
fn stages_come_and_go() {
    let project = &project();
    let without = spec().replace("  s39:\n", "  other:\n");
    let without = without
        .replace("echo s39", "echo other")
        .replace("out/39", "out/other");
    project.write("pipe.yaml", &without);
    project.done(&["run"]);
    assert_eq!(ran(project), ["other"]);
    assert_eq!(besides(project), Some(set(["other"])));
    settle(project);
    let (fewer, _) = without.split_once("  other:\n").unwrap();
    let told = |text: &str| {
        project.write("pipe.yaml", text);
        project.done(&["run"]).out
    };
    let told_fewer = told(fewer);
    assert!(
        told_fewer.contains("nothing to do: 39 cached"),
        "{told_fewer}"
    );
    assert_eq!(besides(project), Some(BTreeSet::new()));
    // Its log, which tells no stage itself, and that of one that repeats it, tell of the stages that there are.
    told(&format!("{fewer}# a remark\n"));
    for run in project
        .done(&["runs", "--format", "json"])
        .json()
        .as_array()
        .unwrap()
        .iter()
        .take(2)
    {
        let page = project.path("page.html");
        let run = run["run"].as_str().unwrap();
        project.done(&["report", run, "-o", page.to_str().unwrap()]);
        let page = fs::read_to_string(page).unwrap();
        assert!(
            page.contains("39 cached") && page.contains(">s38<"),
            "{page}"
        );
        assert!(!page.contains("other"), "{page}");
    }
    // What these runs used is kept, though only the logs of others tell it.
    fs::remove_dir_all(project.path("artifacts/current")).ok();
    project.done(&["gc", "--keep-runs", "1"]);
    project.done(&["run"]);
    assert!(ran(project).is_empty());
}

#[test]
fn after_many_edits_all_is_looked_at_once() {
    let project = &project();
    let mut text = spec();
    let mut edits = Vec::new();
    for at in (LINKS - 18..LINKS).rev() {
        let from = text.find(&format!("  s{at}:\n")).unwrap();
        let to = text.find("  typed:\n").unwrap();
        text.replace_range(from..to, "");
        project.write("pipe.yaml", &text);
        // What was written a moment ago would not be kept, and be looked at by the next run.
        thread::sleep(Duration::from_millis(40));
        project.done(&["run", "--quiet"]);
        edits.push(besides(project).is_some());
        settle(project);
    }
    assert!(ran(project).is_empty());
    let mut expected = vec![true; 18];
    expected[16] = false;
    assert_eq!(edits, expected);
}

#[test]
fn what_an_edit_adds_may_read_what_is_not_looked_at() {
    let project = &project();
    let more = "  more:
    command: {cmd: 'echo more >> .git/journal; cat ${inputs.it}/it ${inputs.it}/it out/5 > more.txt', deps: [out/5], inputs: {it: typed.it}, outs: [more.txt]}\n";
    project.write("pipe.yaml", &format!("{}{more}", spec()));
    project.done(&["run"]);
    assert_eq!(
        (ran(project), project.read("more.txt")),
        (vec!["more".to_owned()], "1\n1\n1\n".to_owned())
    );
    assert_eq!(besides(project), Some(set(["more"])));
    let shown = project.done(&["explain", "more"]).out;
    assert!(shown.contains("cached"), "{shown}");
    project.done(&["verify"]);
}

#[test]
fn a_stage_between_others_touches_those_behind_it() {
    let project = &project();
    let between = spec().replace(
        "deps: [out/9], outs: [out/10]",
        "deps: [out/9, between.txt], outs: [out/10]",
    ) + "  between: {command: {cmd: 'echo between >> .git/journal; echo b > between.txt', outs: [between.txt]}}\n";
    project.write("pipe.yaml", &between);
    project.done(&["run"]);
    assert_eq!(ran(project), ["between", "s10"]);
    let mut touched = from(10);
    touched.insert("between".to_owned());
    assert_eq!(besides(project), Some(touched));
}

#[test]
fn what_else_has_moved_is_seen_beside_an_edit() {
    let edited = spec().replace("cat out/38 >", "cat < out/38 >");
    let object = |project: &Project| {
        let link = fs::read_link(project.path("artifacts/current/typed")).unwrap();
        project.path("artifacts/current").join(link)
    };
    let write = |path: &Path, text: &str| {
        let mode = fs::metadata(path).unwrap().permissions();
        let mut writable = mode.clone();
        std::os::unix::fs::PermissionsExt::set_mode(&mut writable, 0o644);
        fs::set_permissions(path, writable).unwrap();
        fs::write(path, text).unwrap();
        fs::set_permissions(path, mode).unwrap();
    };
    let source = &project();
    source.write("in.txt", "2\n");
    source.write("pipe.yaml", &edited);
    source.done(&["run"]);
    assert_eq!(ran(source).len(), LINKS + 2);
    assert_eq!(besides(source), None);
    assert_eq!(source.read("out/39"), "2\n");

    let lost = &project();
    fs::remove_file(lost.path("out/3")).unwrap();
    lost.write("pipe.yaml", &edited);
    lost.done(&["run"]);
    assert_eq!(
        (ran(lost), lost.read("out/3")),
        (vec!["s39".to_owned()], "1\n".to_owned())
    );

    let damaged = &project();
    for file in fs::read_dir(object(damaged)).unwrap() {
        write(&file.unwrap().path(), "?\n");
    }
    damaged.write("pipe.yaml", &edited);
    damaged.done(&["run"]);
    assert_eq!(BTreeSet::from_iter(ran(damaged)), set(["s39", "typed"]));
    damaged.done(&["verify"]);

    // What tells stages apart is damaged: all are looked at.
    let forgot = &project();
    let seen = forgot.path("artifacts/index/seen");
    for file in fs::read_dir(seen).unwrap() {
        let path = file.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(path, bytes).unwrap();
    }
    forgot.write("pipe.yaml", &edited);
    forgot.done(&["run"]);
    assert_eq!(
        (ran(forgot), besides(forgot)),
        (vec!["s39".to_owned()], None)
    );
}

#[test]
fn of_few_stages_each_is_told_unless_nobody_listens() {
    let project = &Project::new();
    let stage =
        |name: &str| format!("  {name}: {{command: {{cmd: 'echo {name} >> .git/journal'}}}}\n");
    let head = "version: 1\nname: few\nstages:\n";
    project.write("pipe.yaml", &format!("{head}{}", stage("one")));
    project.done(&["run"]);
    settle(project);
    project.write(
        "pipe.yaml",
        &format!("{head}{}{}", stage("one"), stage("two")),
    );
    let told = project.done(&["run"]).out;
    assert!(told.contains("one"), "{told}");
    assert_eq!(
        (ran(project), besides(project)),
        (vec!["two".to_owned()], None)
    );
    settle(project);
    project.write(
        "pipe.yaml",
        &format!("{head}{}{}", stage("one"), stage("three")),
    );
    project.done(&["run", "--quiet"]);
    assert_eq!(
        (ran(project), besides(project)),
        (vec!["three".to_owned()], Some(set(["three"])))
    );
}
