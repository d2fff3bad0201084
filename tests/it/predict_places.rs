//! Where `pipe predict` puts predictions and drafts: never among the rows, and nothing is left of a draft.

use std::{fs, io::Write, os::unix::fs::symlink, process::Stdio, time::Duration};

use crate::{
    predict::{ROWS, finished, predict},
    project::{Answer, Project},
    steered::wait_for,
};

#[test]
fn predictions_never_go_into_a_folder_of_rows_nor_in_the_place_of_a_row_by_another_name() {
    let project = Project::new();
    project.write("rows/a.csv", ROWS);
    project.write("far/b.csv", ROWS);
    symlink("../far/b.csv", project.path("rows/b.csv")).unwrap();
    fs::hard_link(project.path("rows/a.csv"), project.path("hard.csv")).unwrap();
    symlink("rows", project.path("linked")).unwrap();
    let path = |name: &str| project.path(name).display().to_string();
    for (rows, target, why) in [
        ("rows", "rows/a.csv", "would replace the rows"),
        ("rows", "linked/a.csv", "would replace the rows"),
        ("rows", "far/b.csv", "would replace the rows"),
        ("rows", "hard.csv", "would replace the rows"),
        ("rows/a.csv", "hard.csv", "would replace the rows"),
        ("rows", "rows/new.csv", "of which all files are rows"),
        ("linked", "rows/new.csv", "of which all files are rows"),
    ] {
        let refused = predict(&["bundle", &path(rows), "-o", &path(target)], "");
        assert_eq!(refused.code, Some(2), "{target}: {refused}");
        assert!(refused.err.contains(why), "{target}: {refused}");
    }
    for name in ["rows/a.csv", "far/b.csv", "hard.csv"] {
        assert_eq!(project.read(name), ROWS);
    }
    assert_eq!(fs::read_dir(project.path("rows")).unwrap().count(), 2);
    // A folder beside the rows is free.
    let done = predict(
        &["bundle", &path("rows/a.csv"), "-o", &path("far/c.csv")],
        "",
    );
    assert_eq!(done.code, Some(0), "{done}");
}

#[test]
fn predict_that_is_interrupted_while_it_copies_rows_leaves_nothing() {
    for is_named in [false, true] {
        let project = Project::new();
        let target = project.path("out.csv").display().to_string();
        let pipe = project.path("rows.csv");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let rows = if is_named {
            pipe.to_str().unwrap()
        } else {
            "-"
        };
        let mut command = finished().command(&["predict", "bundle", rows, "-o", &target]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let rows = if is_named {
            None
        } else {
            let mut rows = child.stdin.take().unwrap();
            rows.write_all(b"pump,temp").unwrap();
            Some(rows)
        };
        // Who writes to a named pipe must come while it is read.
        let writer = is_named.then(|| fs::File::options().write(true).open(&pipe).unwrap());
        let names = || {
            let entries = fs::read_dir(project.path("")).unwrap();
            let names = entries.map(|it| it.unwrap().file_name().into_string().unwrap());
            names.collect::<Vec<String>>()
        };
        wait_for("the copy to begin", || {
            names().iter().any(|it| it.starts_with(".pipe-predict-"))
        });
        let pid = nix::unistd::Pid::from_raw(child.id() as i32);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
        let answer = Answer::new(&child.wait_with_output().unwrap(), Duration::ZERO);
        assert_eq!(answer.code, Some(130), "{answer}");
        let mut left = names();
        left.sort();
        assert_eq!(left, [".git", "rows.csv"], "{answer}");
        drop((rows, writer));
    }
}
