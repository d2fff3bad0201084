//! Sources that are fetched: by a server of the test's own, which counts, breaks off, redirects and waits.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use pipe_schema::manifest;
use sha2::{Digest, Sha256};

use crate::{
    project::Answer,
    steered::{Steered, end_with_signal, failure, wait_for},
};

const ROWS: &str = "x,y\n1,a\n2,b\n";

/// What the server answers.
#[derive(Clone, Copy)]
enum Reply {
    Whole,
    /// Less than it says.
    Part,
    /// Half, and then nothing for long.
    Half,
    Status(&'static str),
    Redirect,
    Other,
}

struct Server {
    address: String,
    asked: Arc<AtomicUsize>,
}

impl Server {
    /// Answers each request by its number, counted from 0.
    fn new(reply: impl Fn(usize) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let number = count.fetch_add(1, Ordering::SeqCst);
                let reply = reply(number);
                thread::spawn(move || answer(stream.unwrap(), reply));
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// A project whose rows lie on the server.
    fn project(&self, sha256: &str) -> Steered {
        let source = format!(
            "{{url: \"http://me:secret@{}/rows.csv?token=secret&v=1#key=secret\", sha256: {sha256}}}",
            self.address
        );
        Steered::new(&spec(&source))
    }
}

fn answer(mut stream: TcpStream, reply: Reply) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    while lines.next().is_some_and(|it| !it.unwrap().is_empty()) {}
    let length = ROWS.len();
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    let text = match reply {
        Reply::Whole => format!("{head}{ROWS}"),
        Reply::Part | Reply::Half => format!("{head}{}", &ROWS[..length / 2]),
        Reply::Status(status) => {
            format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        }
        Reply::Redirect => "HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: /elsewhere.csv\r\nContent-Length: 0\r\n\r\n".to_owned(),
        Reply::Other => "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\n<html>".to_owned(),
    };
    stream.write_all(text.as_bytes()).unwrap();
    stream.flush().unwrap();
    if matches!(reply, Reply::Half) {
        thread::sleep(Duration::from_mins(1));
    }
}

pub fn spec(source: &str) -> String {
    format!(
        "version: 1\nname: test\nvars: {{target: y}}\nstages:\n  prepare:\n    preprocess:\n      \
         source: {{csv: {source}}}\n      target: \"${{target}}\"\n"
    )
}

pub fn sha256(text: &str) -> String {
    manifest::Digest(Sha256::digest(text.as_bytes()).into()).to_string()
}

/// Neither a proxy nor a wish of the caller's.
pub fn start(steered: &Steered, words: &[&str]) -> Child {
    let mut command = steered.command(words);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "PIPE_OFFLINE"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

pub fn run(steered: &Steered, words: &[&str]) -> Answer {
    let begin = Instant::now();
    let output = start(steered, words).wait_with_output().unwrap();
    Answer::new(&output, begin.elapsed())
}

/// The files that were fetched.
pub fn blobs(steered: &Steered) -> Vec<PathBuf> {
    walkdir::WalkDir::new(steered.path("artifacts/blobs"))
        .into_iter()
        .flatten()
        .filter(|it| it.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect()
}

pub fn is_done(answer: &Answer) {
    assert_eq!(answer.stages("stage_done"), ["prepare"], "{answer}");
}

#[test]
fn a_file_is_fetched_once_and_stands_for_its_content() {
    let server = Server::new(|_| Reply::Whole);
    let steered = server.project(&sha256(ROWS));
    let first = run(&steered, &[]);
    is_done(&first);
    assert!(!first.out.contains("secret"), "{first}");
    assert_eq!(blobs(&steered).len(), 1);
    assert!(blobs(&steered)[0].ends_with("rows.csv"));
    assert_eq!(fs::read_to_string(&blobs(&steered)[0]).unwrap(), ROWS);
    // Neither the same stage, nor another one, nor another address of the same file asks again.
    let second = run(&steered, &[]);
    assert_eq!(second.stages("stage_cached"), ["prepare"], "{second}");
    is_done(&run(&steered, &["--set", "target=x"]));
    steered
        .project
        .edit("pipe.yaml", "/rows.csv", "/moved/rows.csv");
    let moved = run(&steered, &[]);
    assert_eq!(moved.stages("stage_cached"), ["prepare"], "{moved}");
    assert_eq!(server.asked(), 1);
}

#[test]
fn a_body_that_breaks_off_and_a_busy_server_are_tried_again() {
    let server = Server::new(|number| match number {
        0 => Reply::Part,
        1 => Reply::Status("503 Service Unavailable"),
        _ => Reply::Whole,
    });
    let steered = server.project(&sha256(ROWS));
    let answer = run(&steered, &[]);
    is_done(&answer);
    assert!(answer.out.contains("tries again"), "{answer}");
    assert_eq!(server.asked(), 3);
}

#[test]
fn a_redirect_is_followed() {
    let server = Server::new(|number| match number {
        0 => Reply::Redirect,
        _ => Reply::Whole,
    });
    is_done(&run(&server.project(&sha256(ROWS)), &[]));
    assert_eq!(server.asked(), 2);
}

#[test]
fn what_is_not_there_is_said_at_once_with_what_to_do_by_hand() {
    let server = Server::new(|_| Reply::Status("404 Not Found"));
    let steered = server.project(&sha256(ROWS));
    let answer = run(&steered, &[]);
    let failure = failure(&answer, "prepare");
    assert_eq!(
        failure["message"],
        format!(
            "`http://{}/rows.csv?token=***&v=1#key=***` cannot be fetched: the server answers 404 Not Found",
            server.address
        )
    );
    assert!(
        failure["hint"]
            .as_str()
            .unwrap()
            .contains("install -D rows.csv /")
    );
    assert_eq!((answer.code, server.asked()), (Some(1), 1));
}

#[test]
fn another_file_than_the_one_that_is_meant_is_not_kept() {
    let server = Server::new(|_| Reply::Other);
    let steered = server.project(&sha256(ROWS));
    let failure = failure(&run(&steered, &[]), "prepare");
    let message = failure["message"].as_str().unwrap();
    assert!(message.contains(&sha256(ROWS)), "{message}");
    assert!(message.contains(&sha256("<html>")), "{message}");
    assert!(
        failure["hint"]
            .as_str()
            .unwrap()
            .contains("looks like a web page")
    );
    assert!(blobs(&steered).is_empty());
    assert_eq!(server.asked(), 1);
}

#[test]
fn an_offline_run_names_the_file_and_takes_one_that_was_put_there() {
    let server = Server::new(|_| Reply::Whole);
    let steered = server.project(&sha256(ROWS));
    let answer = run(&steered, &["--offline"]);
    let failure = failure(&answer, "prepare");
    let message = failure["message"].as_str().unwrap();
    assert!(message.ends_with("is not in the store, and the run is offline"));
    let hint = failure["hint"].as_str().unwrap();
    let place = hint
        .split("rows.csv ")
        .nth(1)
        .unwrap()
        .trim_end_matches('`');
    let put = |text: &str| {
        let folder = PathBuf::from(place).parent().unwrap().to_owned();
        fs::create_dir_all(folder).unwrap();
        fs::write(place, text).unwrap();
    };
    // One with another content does not pass for it.
    put("x,y\n1,z\n");
    assert_eq!(run(&steered, &["--offline"]).code, Some(1));
    put(ROWS);
    is_done(&run(&steered, &["--offline"]));
    assert_eq!(server.asked(), 0);
}

#[test]
fn a_file_that_was_removed_or_damaged_is_fetched_again() {
    let server = Server::new(|_| Reply::Whole);
    let steered = server.project(&sha256(ROWS));
    is_done(&run(&steered, &[]));
    steered.project.done(&["gc", "--keep-runs", "1"]);
    is_done(&run(&steered, &["--force"]));
    assert_eq!(server.asked(), 1);
    let file = blobs(&steered).remove(0);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&file, "x,y\n1,a\n2,c\n").unwrap();
    is_done(&run(&steered, &["--force"]));
    assert_eq!(server.asked(), 2);
    fs::remove_dir_all(steered.path("artifacts/blobs")).unwrap();
    is_done(&run(&steered, &["--force"]));
    assert_eq!(server.asked(), 3);
}

#[test]
fn gc_removes_files_that_no_kept_result_was_made_of() {
    let server = Server::new(|_| Reply::Whole);
    let steered = server.project(&sha256(ROWS));
    is_done(&run(&steered, &[]));
    steered.project.write("rows.csv", "x,y\n3,c\n");
    steered.project.write("pipe.yaml", &spec("rows.csv"));
    is_done(&run(&steered, &[]));
    steered.project.done(&["gc", "--keep-runs", "2"]);
    assert_eq!(blobs(&steered).len(), 1);
    let answer = steered.project.done(&["gc", "--keep-runs", "1"]);
    assert!(answer.out.contains("1 fetched file"), "{answer}");
    assert!(blobs(&steered).is_empty());
}

#[test]
fn two_runs_that_want_one_file_fetch_it_once() {
    let server = Server::new(|_| Reply::Whole);
    let steered = server.project(&sha256(ROWS));
    let children: Vec<Child> = ["x", "y"]
        .into_iter()
        .map(|it| start(&steered, &["--set", &format!("target={it}")]))
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        is_done(&Answer::new(&output, Duration::ZERO));
    }
    assert_eq!(server.asked(), 1);
}

#[test]
fn a_run_killed_while_it_fetches_leaves_nothing_and_the_next_one_goes_on() {
    let server = Server::new(|number| match number {
        0 => Reply::Half,
        _ => Reply::Whole,
    });
    let steered = server.project(&sha256(ROWS));
    let child = start(&steered, &[]);
    wait_for("a request", || server.asked() > 0);
    end_with_signal(child, "KILL");
    assert!(blobs(&steered).is_empty());
    is_done(&run(&steered, &[]));
    assert_eq!(blobs(&steered).len(), 1);
}

#[test]
fn a_path_is_an_address_too_also_of_a_joined_table() {
    let steered = Steered::new("");
    steered.project.write("far away.csv", ROWS);
    steered.project.write("more.csv", "x,z\n1,5\n2,6\n");
    let far = |name: &str, text: &str| {
        let path = steered.path(name).display().to_string().replace(' ', "%20");
        format!("{{url: \"file://{path}\", sha256: {}}}", sha256(text))
    };
    let rows = far("far away.csv", ROWS);
    let more = far("more.csv", "x,z\n1,5\n2,6\n");
    let source = format!("[{rows}], join: {{csv: {more}, on: x}}");
    steered.project.write("pipe.yaml", &spec(&source));
    is_done(&run(&steered, &[]));
    assert_eq!(blobs(&steered).len(), 2);
    let reread = run(&steered, &["--offline", "--force"]);
    is_done(&reread);
}

#[test]
fn a_change_in_a_joined_table_is_seen() {
    let steered = Steered::new(&spec("train.csv, join: {csv: more.csv, on: x}"));
    steered.project.write("more.csv", "x,z\n1,5\n");
    is_done(&run(&steered, &[]));
    assert_eq!(run(&steered, &[]).stages("stage_cached"), ["prepare"]);
    steered.project.write("more.csv", "x,z\n1,6\n");
    is_done(&run(&steered, &[]));
}
