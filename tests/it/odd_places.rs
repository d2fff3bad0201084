//! Named pipes, sockets, devices and links in the places of files and folders: of the store, and of what a spec names.
//! Nothing waits for them and nothing breaks.

use std::{
    cell::RefCell,
    collections::HashSet,
    fs,
    io::Read,
    os::unix::{fs::symlink, net::UnixListener},
    path::Path,
    process::Stdio,
    time::Duration,
};

use crate::{
    project::{Answer, Project},
    steered::wait_for,
};

const SPEC: &str = "version: 1
name: odd
stages:
  one: {command: {cmd: 'cat in.txt > ${outputs.x}; echo 1 > out.txt; echo \"{\\\"m\\\": 1}\" > m.json', deps: [in.txt], outs: [out.txt], metrics: [m.json], outputs: {x: {type: files}}}}
  two: {command: {cmd: 'cat ${inputs.x}/* > ${outputs.y}', inputs: {x: one}, outputs: {y: {type: files}}}}
";

/// What may have a place.
const ODD: [&str; 5] = [
    "pipe",
    "socket",
    "device",
    "link to a pipe",
    "link to itself",
];

fn plant(what: &str, at: &Path) {
    let _ = fs::remove_file(at);
    if at.is_dir() {
        let _ = fs::rename(at, at.with_extension("moved"));
    }
    fs::create_dir_all(at.parent().unwrap()).unwrap();
    match what {
        "pipe" => make_pipe(at),
        "socket" => {
            // Names of sockets are short.
            let here = tempfile::tempdir().unwrap();
            drop(UnixListener::bind(here.path().join("s")).unwrap());
            fs::rename(here.path().join("s"), at)
                .or_else(|_| UnixListener::bind(at).map(drop))
                .unwrap();
        }
        "device" => symlink("/dev/zero", at).unwrap(),
        "link to a pipe" => {
            let pipe = at.with_extension("pipe");
            make_pipe(&pipe);
            symlink(&pipe, at).unwrap();
        }
        _ => symlink(at.file_name().unwrap(), at).unwrap(),
    }
}

fn make_pipe(at: &Path) {
    nix::unistd::mkfifo(at, nix::sys::stat::Mode::S_IRWXU).unwrap();
}

/// Runs `pipe`, which must end by itself and without a bug.
fn ends(project: &Project, words: &[&str]) -> Answer {
    let mut child = project
        .command(words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let reading = std::thread::spawn(move || {
        let mut texts = [Vec::new(), Vec::new()];
        let _ = out.read_to_end(&mut texts[0]);
        let _ = err.read_to_end(&mut texts[1]);
        texts
    });
    let child = RefCell::new(child);
    let ended = || child.borrow_mut().try_wait().unwrap();
    wait_for(&format!("the end of pipe {words:?}"), || ended().is_some());
    let [stdout, stderr] = reading.join().unwrap();
    let output = std::process::Output {
        status: ended().unwrap(),
        stdout,
        stderr,
    };
    let answer = Answer::new(&output, Duration::ZERO);
    assert!(
        matches!(answer.code, Some(0..=2)) && !answer.err.contains("this is a bug"),
        "pipe {words:?}\n{answer}"
    );
    answer
}

/// Paths in a store that has everything, a name of each kind.
fn places(store: &Path) -> Vec<String> {
    let mut places: Vec<String> = walkdir::WalkDir::new(store)
        .min_depth(1)
        .sort_by_file_name()
        .into_iter()
        .flatten()
        .map(|it| it.path().strip_prefix(store).unwrap().display().to_string())
        .collect();
    for more in [
        "tmp/x",
        "roots/x",
        "quarantine/x",
        "checkpoints/x",
        "blobs/sha256",
        "log/runs/x.jsonl",
        "journal/x",
        "index/seen/x",
    ] {
        places.push(more.to_owned());
    }
    places
}

fn try_places(chosen: impl Fn(&str) -> bool) {
    let original = Project::after_run(SPEC);
    original.done(&["runs"]);
    original.done(&["run"]);
    let mut tried = 0;
    for place in places(&original.path("artifacts")) {
        if !chosen(&place) {
            continue;
        }
        // A pipe is what could be waited for; the others take turns.
        for (number, odd) in [(0, ODD[0]), (1, ODD[1 + tried / 2 % 4])] {
            // Each command sees each kind of thing somewhere, each place each kind.
            let commands: [&[&str]; 4] = match (number + place.len()) % 4 {
                0 => [&["run"], &["status"], &["verify"], &["runs"]],
                1 => [&["show", "one"], &["run", "--force"], &["gc"], &["run"]],
                2 => [&["explain", "two"], &["report"], &["doctor"], &["run"]],
                _ => [&["cache"], &["path", "one"], &["run"], &["clean", "--yes"]],
            };
            let project = Project::after_run(SPEC);
            project.done(&["runs"]);
            project.done(&["run"]);
            let store = project.path("artifacts");
            // Names of runs and journals differ from one store to the next.
            let here = places(&store);
            let at = here.iter().position(|it| same_kind(it, &place));
            let at = at.map_or(place.clone(), |it| here[it].clone());
            make_writable(&store);
            plant(odd, &store.join(&at));
            for words in commands {
                ends(&project, words);
            }
            tried += 1;
        }
    }
    assert!(tried > 0);
}

fn make_writable(store: &Path) {
    for entry in walkdir::WalkDir::new(store).into_iter().flatten() {
        if entry.file_type().is_dir() {
            fs::set_permissions(
                entry.path(),
                std::os::unix::fs::PermissionsExt::from_mode(0o755),
            )
            .unwrap();
        }
    }
}

/// Whether two paths differ by names that no two stores share.
fn same_kind(one: &str, two: &str) -> bool {
    let shape = |it: &str| -> Vec<String> {
        it.split('/')
            .map(|it| {
                if it.len() >= 20 {
                    "…".to_owned()
                } else {
                    it.to_owned()
                }
            })
            .collect()
    };
    shape(one) == shape(two)
}

#[test]
fn odd_files_at_the_top_of_the_store_end_in_a_clean_error_or_are_set_aside() {
    try_places(|it| !it.contains('/'));
}

#[test]
fn odd_files_in_the_folders_of_the_store_end_in_a_clean_error_or_are_set_aside() {
    try_places(|it| it.contains('/') && !it.starts_with("objects/sha256/"));
}

#[test]
fn odd_files_among_the_objects_end_in_a_clean_error_or_are_set_aside() {
    let seen = RefCell::new(HashSet::new());
    let depth = |it: &str| it.matches('/').count();
    try_places(|it| it.starts_with("objects/") && seen.borrow_mut().insert(depth(it)));
}

#[test]
fn links_in_the_place_of_the_folders_of_the_store_are_refused_and_nothing_behind_them_is_touched() {
    for folder in [
        "tmp",
        "roots",
        "current",
        "journal",
        "quarantine",
        "index",
        "locks",
        "log/runs",
        "objects/sha256",
    ] {
        let project = Project::after_run(SPEC);
        project.write("mine/paper.txt", "mine\n");
        let at = project.path("artifacts").join(folder);
        if at.exists() {
            fs::rename(&at, project.path("moved")).unwrap();
        }
        symlink(project.path("mine"), &at).unwrap();
        for words in [
            &["run"][..],
            &["run", "--force"],
            &["gc"],
            &["verify"],
            &["status"],
        ] {
            let answer = ends(&project, words);
            assert_eq!(answer.code, Some(1), "{folder} {words:?} {answer}");
            assert!(
                answer.err.contains("is a link"),
                "{folder} {words:?} {answer}"
            );
        }
        assert_eq!(project.read("mine/paper.txt"), "mine\n", "{folder}");
        assert_eq!(
            fs::read_dir(project.path("mine")).unwrap().count(),
            1,
            "{folder}"
        );
    }
}

#[test]
fn odd_files_that_a_spec_names_end_in_a_clean_error() {
    let spec = "version: 1
name: named
stages:
  data: {preprocess: {source: {csv: rows.csv}, target: y}}
  fit: {train: {data: data, model: {mlp: {hidden: [2]}}, loss: cross_entropy, epochs: 1}}
  run: {command: {cmd: 'sh script.sh; cat dep', deps: [dep, script.sh], outs: [out], metrics: [m.json]}}
";
    for odd in ODD {
        for name in ["pipe.yaml", "rows.csv", "dep", "script.sh", "out", "m.json"] {
            let project = Project::new();
            project.write("pipe.yaml", spec);
            project.write("rows.csv", "x,y\n1,a\n2,b\n");
            project.write("dep", "1\n");
            project.write("script.sh", "echo 1 > out; echo 1 > m.json\n");
            plant(odd, &project.path(name));
            for words in [
                &["check"][..],
                &["plan"],
                &["status"],
                &["run", "--keep-going"],
                &["pick", name],
                &["init", name, "-o", "new.yaml"],
            ] {
                let answer = ends(&project, words);
                if ["pipe.yaml", "rows.csv", "dep"].contains(&name) && words[0] == "run" {
                    assert_ne!(answer.code, Some(0), "{name} as a {odd}: {answer}");
                }
            }
        }
    }
}

#[test]
fn check_refuses_pipes_sockets_and_links_to_devices_as_sources() {
    for (odd, dep, what) in [
        ("pipe", "dep", "a named pipe"),
        ("pipe", "*.dep", "a named pipe"),
        ("socket", "dep", "a socket"),
        ("device", "dep", "a device"),
        ("link to a pipe", "dep", "a named pipe"),
        ("pipe", "folder", "`folder/deep/a.dep` is a named pipe"),
        ("device", "folder", "`folder/deep/a.dep` is a device"),
    ] {
        let project = Project::new();
        let place = match dep {
            "folder" => "folder/deep/a.dep",
            "dep" => dep,
            _ => "a.dep",
        };
        plant(odd, &project.path(place));
        project.write(
            "pipe.yaml",
            &format!("version: 1\nname: n\nstages:\n  a: {{command: {{cmd: 'echo > out', deps: [\"{dep}\"], outs: [out]}}}}\n"),
        );
        let answer = ends(&project, &["check"]);
        assert_eq!(answer.code, Some(2), "{odd}: {answer}");
        assert!(answer.err.contains(what), "{odd}: {answer}");
        assert!(answer.err.contains("hint: name a file"), "{odd}: {answer}");
    }
}
