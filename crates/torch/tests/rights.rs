//! What a process may do that was confined for a prediction: it tries.

use std::{
    collections::BTreeMap,
    env, fs,
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::unix::{
        fs::{PermissionsExt, symlink},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::SystemTime,
};

use pipe_schema::protocol::{InputPath, Predict, Request, RowForm, Work};
use pipe_torch::confine::confine;

/// In the environment of this test's own child: the folder that it works in.
const IS_CHILD: &str = "PIPE_CONFINED_CHILD";

#[test]
fn a_confined_process_may_do_what_a_prediction_needs_and_nothing_else() {
    if env::var_os(IS_CHILD).is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "confined_child",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(IS_CHILD, folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = |prefix: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(prefix));
        lines.map(str::to_owned).collect()
    };
    let lacking = said("note: ");
    if !lacking.is_empty() {
        eprintln!("left out: {}", lacking.join("; "));
        return;
    }
    assert_eq!(said("could not: "), Vec::<String>::new(), "{text}");
    assert_eq!(said("could: "), Vec::<String>::new(), "{text}");
    assert!(said("tried: ").len() > 15, "{text}");
    assert!(output.status.success(), "{text}");
}

/// Only in the child of the test above: confines this process and tries.
#[test]
fn confined_child() {
    let Some(folder) = env::var_os(IS_CHILD) else {
        return;
    };
    let folder = Path::new(&folder);
    let at = |name: &str| folder.join(name);
    for name in ["pkg", "out", "other", "rows", "rows/below"] {
        fs::create_dir(at(name)).unwrap();
    }
    for name in [
        "pkg/file",
        "rows/csv",
        "other/file",
        "other/linked",
        "pkg/kept",
    ] {
        fs::write(at(name), "here").unwrap();
    }
    symlink("../../other/linked", at("rows/below/link")).unwrap();
    symlink("../other/file", at("pkg/link")).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    let _unix = UnixListener::bind(at("other/socket")).unwrap();
    let input = |name: &str| InputPath {
        path: at(name).display().to_string(),
        part: None,
    };
    let request = Request {
        work: Work::Predict(Predict {
            input: None,
            output: RowForm::Csv,
            probabilities: true,
            verify: false,
            no_verify: false,
            allow_script: true,
            memory: None,
        }),
        inputs: BTreeMap::from([
            ("package".to_owned(), input("pkg")),
            ("rows".to_owned(), input("rows")),
        ]),
        output: at("out").display().to_string(),
        checkpoints: None,
        threads: 1,
        device: "cpu".to_owned(),
        until: None,
    };
    for note in confine(&request) {
        println!("note: {note}");
    }
    let must = |what: &str, is_done: bool| {
        println!("tried: {what}");
        if !is_done {
            println!("could not: {what}");
        }
    };
    must("read the package", fs::read(at("pkg/file")).is_ok());
    must("list the package", fs::read_dir(at("pkg")).is_ok());
    must("read the rows", fs::read(at("rows/csv")).is_ok());
    must(
        "read a row by a link",
        fs::read(at("rows/below/link")).is_ok(),
    );
    must(
        "write the output",
        fs::write(at("out/predictions.csv"), "1").is_ok(),
    );
    must(
        "read the output",
        fs::read(at("out/predictions.csv")).is_ok(),
    );
    must(
        "start a thread",
        thread::Builder::new().spawn(|| ()).is_ok(),
    );
    must("know the machine", fs::read("/proc/cpuinfo").is_ok());
    must("know itself", fs::read("/proc/self/maps").is_ok());
    must("throw away", fs::write("/dev/null", "x").is_ok());
    must_not(&at, address);
    let elsewhere = thread::spawn({
        let path = at("other/from_thread");
        move || fs::write(path, "x").is_ok()
    });
    refuse("write from another thread", elsewhere.join().unwrap());
}

fn refuse(what: &str, is_done: bool) {
    println!("tried: {what}");
    if is_done {
        println!("could: {what}");
    }
}

fn must_not(at: &dyn Fn(&str) -> PathBuf, address: SocketAddr) {
    let mode = fs::Permissions::from_mode(0o777);
    let file = fs::File::open(at("pkg/file")).unwrap();
    refuse("read another file", fs::read(at("other/file")).is_ok());
    refuse(
        "read by a link of the package",
        fs::read(at("pkg/link")).is_ok(),
    );
    refuse("read /etc/passwd", fs::read("/etc/passwd").is_ok());
    refuse("list the root", fs::read_dir("/").is_ok());
    refuse(
        "look at another process",
        fs::read("/proc/1/environ").is_ok(),
    );
    refuse(
        "write another file",
        fs::write(at("other/file"), "x").is_ok(),
    );
    refuse(
        "write into the package",
        fs::write(at("pkg/file"), "x").is_ok(),
    );
    refuse("write the rows", fs::write(at("rows/csv"), "x").is_ok());
    refuse("make a file beside", fs::write(at("more"), "x").is_ok());
    refuse("make a folder", fs::create_dir(at("out/more")).is_ok());
    refuse("make a link", symlink("/etc", at("out/link")).is_ok());
    refuse("remove a file", fs::remove_file(at("pkg/kept")).is_ok());
    refuse(
        "move a file away",
        fs::rename(at("pkg/kept"), at("out/kept")).is_ok(),
    );
    refuse(
        "link a file",
        fs::hard_link(at("pkg/kept"), at("out/kept")).is_ok(),
    );
    refuse(
        "truncate a file",
        fs::File::options().write(true).open(at("rows/csv")).is_ok(),
    );
    refuse(
        "change a mode",
        fs::set_permissions(at("other/file"), mode.clone()).is_ok(),
    );
    refuse(
        "change a mode of its own",
        fs::set_permissions(at("out/predictions.csv"), mode).is_ok(),
    );
    refuse(
        "change a time",
        file.set_modified(SystemTime::UNIX_EPOCH).is_ok(),
    );
    refuse("connect", TcpStream::connect(address).is_ok());
    refuse("listen", TcpListener::bind("127.0.0.1:0").is_ok());
    refuse("send packets", UdpSocket::bind("127.0.0.1:0").is_ok());
    refuse(
        "connect to a socket",
        UnixStream::connect(at("other/socket")).is_ok(),
    );
    refuse("start a program", Command::new("/bin/true").spawn().is_ok());
}
