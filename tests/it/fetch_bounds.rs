//! Sources that are fetched from servers that break off, change, lie, wait, or send without end.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::{
    fetch::{blobs, is_done, run, sha256, spec, start},
    project::Answer,
    steered::{Steered, end_with_signal, failure, wait_for},
};

const ROWS: &str = "x,y\n1,a\n2,b\n3,a\n4,b\n";
const HALF: usize = ROWS.len() / 2;

/// A server that keeps the requests it got, and answers each as it is told.
struct Server {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers each request by its number, counted from 0.
    fn new(answer: impl Fn(usize, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (Arc::clone(&requests), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    let request = request(&stream);
                    let number = {
                        let mut all = kept.lock().unwrap();
                        all.push(request);
                        all.len() - 1
                    };
                    answer(number, &mut stream);
                });
            }
        });
        Self { address, requests }
    }

    fn asked(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    /// The lines of a request, in small letters.
    fn request(&self, number: usize) -> String {
        self.requests.lock().unwrap()[number].clone()
    }

    /// A project whose rows lie on the server, with more keys beside the address.
    fn project(&self, more: &str) -> Steered {
        let (address, sha256) = (&self.address, sha256(ROWS));
        Steered::new(&spec(&format!(
            "{{url: \"http://{address}/rows.csv\", sha256: {sha256}{more}}}"
        )))
    }
}

/// The head of a request; of what is no HTTP, what there is.
fn request(stream: &TcpStream) -> String {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let lines = lines.map_while(Result::ok).take_while(|it| !it.is_empty());
    lines.collect::<Vec<_>>().join("\n").to_lowercase()
}

fn send(stream: &mut TcpStream, status: &str, headers: &str, body: &str) {
    // Whoever asked may be gone.
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n{body}"
    );
}

fn whole(stream: &mut TcpStream) {
    let headers = format!("Content-Length: {}\r\n", ROWS.len());
    send(stream, "200 OK", &headers, ROWS);
}

/// Half of a file with an entity tag, of which there is more.
fn half(stream: &mut TcpStream, text: &str) {
    let headers = format!("ETag: \"first\"\r\nContent-Length: {}\r\n", text.len());
    send(stream, "200 OK", &headers, &text[..HALF]);
}

fn second_half(stream: &mut TcpStream) {
    let (last, length) = (ROWS.len() - 1, ROWS.len());
    let headers = format!(
        "Content-Range: bytes {HALF}-{last}/{length}\r\nContent-Length: {}\r\n",
        length - HALF
    );
    send(stream, "206 Partial Content", &headers, &ROWS[HALF..]);
}

fn partials(steered: &Steered) -> Vec<PathBuf> {
    let folder = fs::read_dir(steered.path("artifacts/partial"));
    folder.map_or(Vec::new(), |it| it.flatten().map(|it| it.path()).collect())
}

/// Makes these bytes what came of the file in a run before.
fn put_partial(steered: &Steered, bytes: &[u8]) {
    // It makes the store.
    assert_eq!(run(steered, &["--offline"]).code, Some(1));
    let folder = steered.path("artifacts/partial").join(sha256(ROWS));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("data"), bytes).unwrap();
}

/// The failure of a run whose file does not come.
fn refused(steered: &Steered) -> Value {
    let answer = run(steered, &[]);
    assert_eq!(answer.code, Some(1), "{answer}");
    assert!(blobs(steered).is_empty());
    failure(&answer, "prepare").clone()
}

#[track_caller]
fn assert_says(failure: &Value, field: &str, text: &str) {
    let found = failure[field].as_str().unwrap_or_default();
    assert!(found.contains(text), "{failure}");
}

#[test]
fn a_fetch_that_breaks_off_is_resumed_by_range() {
    let server = Server::new(|number, stream| match number {
        0 => half(stream, ROWS),
        _ => second_half(stream),
    });
    let steered = server.project("");
    is_done(&run(&steered, &[]));
    assert_eq!(server.asked(), 2);
    assert!(!server.request(0).contains("range:"));
    let second = server.request(1);
    assert!(
        second.contains(&format!("\nrange: bytes={HALF}-")),
        "{second}"
    );
    assert!(second.contains("\nif-range: \"first\""), "{second}");
    assert_eq!(fs::read_to_string(&blobs(&steered)[0]).unwrap(), ROWS);
    assert!(partials(&steered).is_empty());
}

#[test]
fn a_fetch_of_a_run_that_was_killed_is_resumed_by_the_next_run() {
    let server = Server::new(|number, stream| match number {
        0 => {
            half(stream, ROWS);
            thread::sleep(Duration::from_mins(1));
        }
        _ => second_half(stream),
    });
    let steered = server.project("");
    let child = start(&steered, &[]);
    wait_for("half of the file", || {
        let data = partials(&steered).pop().map(|it| it.join("data"));
        data.is_some_and(|it| fs::metadata(it).is_ok_and(|it| it.len() == HALF as u64))
    });
    end_with_signal(child, "KILL");
    assert!(blobs(&steered).is_empty());
    is_done(&run(&steered, &[]));
    let second = server.request(1);
    assert!(
        second.contains(&format!("\nrange: bytes={HALF}-")),
        "{second}"
    );
    assert_eq!(fs::read_to_string(&blobs(&steered)[0]).unwrap(), ROWS);
}

#[test]
fn a_resumed_fetch_of_a_file_that_changed_meanwhile_begins_anew() {
    let old = ROWS.replace('1', "7");
    // One that minds `If-Range` sends all; one that does not sends the rest of another file.
    for minds in [true, false] {
        let old = old.clone();
        let server = Server::new(move |number, stream| match number {
            0 => half(stream, &old),
            1 if !minds => second_half(stream),
            _ => whole(stream),
        });
        let steered = server.project("");
        is_done(&run(&steered, &[]));
        assert_eq!(server.asked(), if minds { 2 } else { 3 });
        assert_eq!(fs::read_to_string(&blobs(&steered)[0]).unwrap(), ROWS);
    }
}

#[test]
fn a_part_that_was_not_asked_for_is_refused() {
    let server = Server::new(|number, stream| match number {
        0 => half(stream, ROWS),
        _ => send(
            stream,
            "206 Partial Content",
            "Content-Range: bytes 2-3/20\r\nContent-Length: 2\r\n",
            "xy",
        ),
    });
    let failure = refused(&server.project(""));
    assert_says(
        &failure,
        "message",
        "another part than the one that was asked for",
    );
}

#[test]
fn a_resumed_fetch_of_which_nothing_is_missing_is_taken_as_it_is() {
    let server = Server::new(|_, stream| send(stream, "416 Range Not Satisfiable", "", ""));
    let steered = server.project("");
    put_partial(&steered, ROWS.as_bytes());
    is_done(&run(&steered, &[]));
    assert_eq!(server.asked(), 1);
}

#[test]
fn a_fetch_whose_part_was_damaged_begins_anew() {
    let server = Server::new(|number, stream| match number {
        0 => second_half(stream),
        _ => whole(stream),
    });
    let steered = server.project("");
    put_partial(&steered, &[0; HALF]);
    is_done(&run(&steered, &[]));
    assert_eq!(server.asked(), 2);
}

#[test]
fn max_size_is_checked_before_and_while_a_file_is_fetched() {
    let told = Server::new(|_, stream| {
        send(stream, "200 OK", "Content-Length: 3000000000\r\n", ROWS);
    });
    for (more, most) in [("", "2GiB"), (", max_size: 1MB", "1MB")] {
        let steered = told.project(more);
        let failure = refused(&steered);
        assert_says(&failure, "message", "it has 3000000000 bytes");
        assert_says(&failure, "message", &format!("`max_size` is {most}"));
        assert_says(&failure, "hint", "max_size: 20GiB");
        assert!(partials(&steered).is_empty());
    }
    assert_eq!(told.asked(), 2);
    let endless = Server::new(|_, stream| {
        send(stream, "200 OK", "", "");
        let zeros = vec![b'0'; 1 << 16];
        while stream.write_all(&zeros).is_ok() {}
    });
    let steered = endless.project(", max_size: 1MiB");
    assert_says(
        &refused(&steered),
        "message",
        "it has more than 1048576 bytes",
    );
    assert!(partials(&steered).is_empty());
    assert_eq!(endless.asked(), 1);
}

#[test]
fn max_size_lets_pass_what_is_as_large_and_holds_for_a_file_of_this_machine() {
    let server = Server::new(|_, stream| whole(stream));
    is_done(&run(
        &server.project(&format!(", max_size: {}", ROWS.len())),
        &[],
    ));
    let steered = Steered::new("");
    steered.project.write("rows", ROWS);
    let file = |path: &str, most: usize| {
        let source = format!(
            "{{url: \"file://{path}\", sha256: {}, max_size: {most}}}",
            sha256(ROWS)
        );
        steered.project.write("pipe.yaml", &spec(&source));
    };
    let path = steered.path("rows").display().to_string();
    file(&path, ROWS.len() - 1);
    assert_says(&refused(&steered), "message", "`max_size` is");
    for odd in ["/dev/zero", "/tmp"] {
        file(odd, 1000);
        assert_says(&refused(&steered), "message", "it is ");
    }
    file(&path, ROWS.len());
    is_done(&run(&steered, &[]));
}

#[test]
fn max_size_that_is_no_size_is_refused_by_check() {
    let server = Server::new(|_, stream| whole(stream));
    let steered = server.project(", max_size: lots");
    let answer: Answer = steered.project.pipe(&["check"]);
    assert_eq!(answer.code, Some(2), "{answer}");
    assert!(answer.err.contains("lots"), "{answer}");
    assert_eq!(server.asked(), 0);
}

#[test]
fn retry_after_is_waited_for_where_it_is_short() {
    let server = Server::new(|number, stream| match number {
        0 => send(stream, "429 Too Many Requests", "Retry-After: 1\r\n", ""),
        _ => whole(stream),
    });
    let steered = server.project("");
    let answer = run(&steered, &[]);
    is_done(&answer);
    assert!(answer.out.contains("asks to come again in 1 s"), "{answer}");
    for long in [
        "3600",
        "99999999999999999999",
        "Fri, 31 Dec 2999 23:59:59 GMT",
    ] {
        let server = Server::new(move |_, stream| {
            let headers = format!("Retry-After: {long}\r\n");
            send(stream, "503 Service Unavailable", &headers, "");
        });
        assert_says(
            &refused(&server.project("")),
            "message",
            "asks to come again in",
        );
        assert_eq!(server.asked(), 1);
    }
}

#[test]
fn a_fetch_that_cannot_succeed_is_not_tried_again() {
    for status in [
        "400 Bad Request",
        "401 Unauthorized",
        "403 Forbidden",
        "410 Gone",
        "451 Unavailable For Legal Reasons",
        "501 Not Implemented",
    ] {
        let server = Server::new(move |_, stream| send(stream, status, "", ""));
        let failure = refused(&server.project(""));
        assert_says(&failure, "message", &format!("the server answers {status}"));
        assert_eq!(server.asked(), 1, "{status}");
    }
    for status in ["425 Too Early", "502 Bad Gateway"] {
        let server = Server::new(move |number, stream| match number {
            0 => send(stream, status, "", ""),
            _ => whole(stream),
        });
        is_done(&run(&server.project(""), &[]));
    }
}

#[test]
fn a_fetch_follows_no_redirect_to_a_file_or_without_end() {
    let secret = Steered::new("");
    secret.project.write("rows.csv", ROWS);
    let path = secret.path("rows.csv").display().to_string();
    for to in [format!("file://{path}"), "/rows.csv".to_owned()] {
        let server = Server::new(move |_, stream| {
            send(stream, "302 Found", &format!("Location: {to}\r\n"), "");
        });
        refused(&server.project(""));
        assert!(server.asked() <= 11, "{}", server.asked());
    }
}

#[test]
fn a_fetch_from_a_server_without_tls_is_not_tried_again() {
    let server = Server::new(|_, stream| whole(stream));
    let steered = Steered::new(&spec(&format!(
        "{{url: \"https://{}/rows.csv\", sha256: {}}}",
        server.address,
        sha256(ROWS)
    )));
    refused(&steered);
    assert_eq!(server.asked(), 1);
}

#[test]
fn gc_removes_what_was_fetched_in_part() {
    let server = Server::new(|number, stream| match number {
        0 => half(stream, ROWS),
        _ => send(stream, "404 Not Found", "", ""),
    });
    let steered = server.project("");
    refused(&steered);
    assert_eq!(partials(&steered).len(), 1);
    steered.project.done(&["gc"]);
    assert!(partials(&steered).is_empty());
}
