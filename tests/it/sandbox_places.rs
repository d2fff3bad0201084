//! Sandboxes of projects and stores that lie in folders which a sandbox may read.

use std::path::{Path, PathBuf};

use crate::{
    left_out,
    project::{Answer, Project},
};

/// Folders that a sandbox may read, in which people keep projects and stores, too.
const READABLE: [&str; 3] = ["/dev/shm", "/run", "/var/lib"];

/// Projects below these folders, as far as they can be written.
fn projects(test: &str) -> Vec<Project> {
    let below = |parent: &&str| {
        let project = Project::below(Path::new(parent));
        if project.is_none() {
            left_out::for_lack_of_kernel_feature(test, &format!("{parent} cannot be written"));
        }
        project
    };
    READABLE.iter().filter_map(below).collect()
}

fn write_spec(project: &Project, stages: &str) {
    let text = format!("version: 1\nname: sandbox\nstages:\n{stages}");
    project.write("pipe.yaml", &text);
}

/// Whether this kernel can keep a process from files that it knows the whole path of.
fn has_landlock(project: &Project, test: &str) -> bool {
    let has = (project.done(&["doctor"]).out).contains("Landlock keeps");
    if !has {
        left_out::for_lack_of_kernel_feature(test, "this kernel has no Landlock");
    }
    has
}

fn assert_denied(answer: &Answer) {
    assert_eq!(answer.code, Some(1), "{answer}");
    let said = format!("{}{}", answer.out, answer.err);
    assert!(said.contains("ermission denied"), "{answer}");
}

#[test]
fn sandbox_works_in_a_project_below_a_readable_folder_and_hides_it() {
    const TEST: &str = "sandbox_works_in_a_project_below_a_readable_folder_and_hides_it";
    for project in projects(TEST) {
        project.write("in.txt", "in\n");
        project.write("secret.txt", "secret\n");
        let stages = |reads: &str| {
            format!(
                "  one: {{command: {{cmd: 'cat in.txt {reads} > ${{outputs.x}} && ls /dev/null && true < /dev/urandom', deps: [in.txt], outputs: {{x: {{type: files}}}}}}}}\n"
            )
        };
        write_spec(&project, &stages("/dev/null"));
        project.done(&["run", "--sandbox"]);
        assert_eq!(project.read("artifacts/current/one/x"), "in\n");
        if has_landlock(&project, TEST) {
            let secret = project.path("secret.txt").canonicalize().unwrap();
            write_spec(&project, &stages(secret.to_str().unwrap()));
            assert_denied(&project.pipe(&["run", "--sandbox"]));
        }
    }
}

#[test]
fn sandbox_hides_a_store_below_a_readable_folder() {
    const TEST: &str = "sandbox_hides_a_store_below_a_readable_folder";
    for home in projects(TEST) {
        let project = Project::new();
        let store: PathBuf = home.path("store");
        let store = store.to_str().unwrap();
        let made = "  made: {command: {cmd: 'mkdir -p ${outputs.x}; echo 1 > ${outputs.x}/x', outputs: {x: {type: files}}}}\n";
        let reader =
            "  reads: {command: {cmd: 'cat ${inputs.x}/x', inputs: {x: made}, outs: []}}\n";
        write_spec(&project, &format!("{made}{reader}"));
        project.done(&["--store", store, "run", "--sandbox"]);
        let path = project.done(&["--store", store, "path", "made"]).out;
        if has_landlock(&project, TEST) {
            let reader = format!(
                "  reads: {{command: {{cmd: 'cat {}/* {}', outs: [], }}, needs: [made]}}\n",
                path.trim(),
                path.trim()
            );
            write_spec(&project, &format!("{made}{reader}"));
            assert_denied(&project.pipe(&["--store", store, "run", "--sandbox"]));
        }
    }
}
