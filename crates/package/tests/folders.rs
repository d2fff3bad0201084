//! Package folders that are not what they should be: damaged, incomplete, or with something else than files in them.

mod sample;

use std::{
    fs::{self, File},
    os::unix::{fs::symlink, net::UnixListener},
    path::{Path, PathBuf},
};

use pipe_package::{ManifestCheck, OpenOptions, Package, PackageError, PackageFiles};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use self::sample::Contents;

const OPTIONS: OpenOptions = OpenOptions {
    manifest: ManifestCheck::Always,
    allow_script: false,
    golden: true,
    memory: None,
};
const AS_IT_IS: OpenOptions = OpenOptions {
    manifest: ManifestCheck::Skipped,
    ..OPTIONS
};

/// The files that a prediction reads.
const READ: [&str; 5] = [
    "package.json",
    "schema.json",
    "model.json",
    "weights.safetensors",
    "golden.jsonl",
];

/// Writes a package's files into a folder, with a manifest.
fn write(contents: &Contents, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (name, bytes) in contents {
        fs::write(folder.join(name), bytes).unwrap();
    }
    pipe_package::write_manifest(folder).unwrap();
}

fn written() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pkg");
    write(&sample::codes(), &path);
    (folder, path)
}

fn complaint(path: &Path, options: &OpenOptions) -> PackageError {
    Package::open(path, options).unwrap_err()
}

#[test]
fn open_takes_a_package_of_every_kind() {
    for (name, contents) in sample::all() {
        let folder = tempfile::tempdir().unwrap();
        write(&contents, folder.path());
        for options in [OPTIONS, AS_IT_IS] {
            let opened = Package::open(folder.path(), &options);
            let opened = opened.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(opened.layers.is_some() && opened.script.is_none(), "{name}");
            assert!(!opened.golden.is_empty(), "{name}");
        }
    }
}

#[test]
fn open_finds_a_turned_bit_in_every_file() {
    let (_folder, path) = written();
    for entry in fs::read_dir(&path).unwrap() {
        let file = entry.unwrap().path();
        let good = fs::read(&file).unwrap();
        let mut bad = good.clone();
        *bad.last_mut().unwrap() ^= 0x40;
        fs::write(&file, bad).unwrap();
        let error = complaint(&path, &OPTIONS);
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        if name != "MANIFEST.sha256" {
            assert!(
                error
                    .message
                    .ends_with(&format!("{name} is not as it was packed")),
                "{error}"
            );
            assert!(error.hint.is_some());
        }
        fs::write(&file, good).unwrap();
    }
    assert!(Package::open(&path, &OPTIONS).is_ok());
}

#[test]
fn open_compares_the_manifest_before_it_looks_into_a_file() {
    let (_folder, path) = written();
    for name in READ {
        let good = fs::read(path.join(name)).unwrap();
        fs::write(path.join(name), "{").unwrap();
        let error = complaint(&path, &OPTIONS);
        assert!(
            error.message.ends_with("is not as it was packed"),
            "{error}"
        );
        let error = complaint(&path, &AS_IT_IS);
        assert!(error.message.contains(&format!("{name}: ")), "{error}");
        fs::write(path.join(name), good).unwrap();
    }
}

#[test]
fn open_refuses_files_too_many_and_too_few_and_a_missing_manifest() {
    let (_folder, path) = written();
    for name in ["model.pt", "compression.json"] {
        fs::write(path.join(name), "").unwrap();
        assert!(
            complaint(&path, &OPTIONS)
                .message
                .ends_with(&format!("{name} is not in the package's manifest"))
        );
        fs::remove_file(path.join(name)).unwrap();
    }
    fs::rename(path.join("README.md"), path.join("../aside")).unwrap();
    assert!(
        complaint(&path, &OPTIONS)
            .message
            .ends_with("README.md is missing")
    );
    fs::rename(path.join("../aside"), path.join("README.md")).unwrap();
    fs::remove_file(path.join("MANIFEST.sha256")).unwrap();
    let error = complaint(&path, &OPTIONS);
    assert!(error.message.contains("has no MANIFEST.sha256"), "{error}");
    assert!(error.hint.unwrap().contains("--no-verify"));
    assert!(Package::open(&path, &AS_IT_IS).is_ok());
    fs::remove_file(path.join("package.json")).unwrap();
    assert!(
        complaint(&path, &OPTIONS)
            .message
            .ends_with("is not a package")
    );
}

/// Makes something at a path.
type MakeAt = fn(&Path);

/// What can stand in the place of a file.
fn stand_ins() -> Vec<(&'static str, MakeAt)> {
    vec![
        ("a link", |path| symlink("/dev/zero", path).unwrap()),
        ("a link", |path| symlink("/etc/passwd", path).unwrap()),
        ("a link", |path| symlink("no such file", path).unwrap()),
        ("a pipe", |path| {
            mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap();
        }),
        ("a socket", |path| drop(UnixListener::bind(path).unwrap())),
        ("a folder", |path| fs::create_dir(path).unwrap()),
    ]
}

#[test]
fn open_reads_regular_files_alone_and_waits_for_none() {
    let names = [&READ[..], &["README.md", "MANIFEST.sha256"]].concat();
    for name in names {
        for (what, make) in stand_ins() {
            for options in [OPTIONS, AS_IT_IS] {
                let (_folder, path) = written();
                let file = path.join(name);
                fs::remove_file(&file).unwrap();
                make(&file);
                if options.manifest == ManifestCheck::Skipped && !READ.contains(&name) {
                    assert!(Package::open(&path, &options).is_ok(), "{name} {what}");
                    continue;
                }
                let error = complaint(&path, &options);
                let is = if what == "a socket" {
                    "not a file"
                } else {
                    what
                };
                assert!(error.message.contains(is), "{name}: {error}");
                assert!(error.hint.is_some(), "{name}: {error}");
            }
        }
    }
}

#[test]
fn open_refuses_a_link_even_to_the_very_file() {
    let (_folder, path) = written();
    let file = path.join("weights.safetensors");
    fs::rename(&file, path.join("../weights")).unwrap();
    symlink("../weights", &file).unwrap();
    assert!(
        complaint(&path, &OPTIONS)
            .message
            .contains("weights.safetensors is a link")
    );
}

#[test]
fn open_follows_a_link_to_the_package_itself() {
    let (folder, path) = written();
    let link = folder.path().join("current");
    symlink(&path, &link).unwrap();
    assert!(Package::open(&link, &OPTIONS).is_ok());
    for odd in ["file", "pipe"] {
        let place = folder.path().join(odd);
        match odd {
            "file" => fs::write(&place, "").unwrap(),
            _ => mknodat(CWD, &place, FileType::Fifo, Mode::RWXU, 0).unwrap(),
        }
        assert!(Package::open(&place, &OPTIONS).is_err());
    }
}

#[test]
fn open_asks_for_no_memory_for_files_that_are_too_large() {
    let (_folder, path) = written();
    for (name, bytes) in [
        ("package.json", 1 << 40),
        ("schema.json", 1 << 40),
        ("model.json", 1 << 40),
        ("golden.jsonl", 1 << 40),
        ("weights.safetensors", 1 << 33),
    ] {
        let good = fs::read(path.join(name)).unwrap();
        let file = File::options().write(true).open(path.join(name)).unwrap();
        file.set_len(bytes).unwrap();
        for manifest in [ManifestCheck::Always, ManifestCheck::Skipped] {
            let options = OpenOptions {
                manifest,
                memory: Some(1 << 30),
                ..OPTIONS
            };
            let error = complaint(&path, &options);
            assert!(error.message.contains("bytes, at most"), "{name}: {error}");
            let names_memory = error.hint.unwrap().contains("--max-memory");
            assert_eq!(names_memory, name == "weights.safetensors");
        }
        fs::write(path.join(name), good).unwrap();
    }
}

#[test]
fn check_compares_all_files_and_keeps_none() {
    let (_folder, path) = written();
    PackageFiles::check(&path).unwrap();
    fs::write(path.join("README.md"), "# another\n").unwrap();
    let error = PackageFiles::check(&path).unwrap_err();
    assert!(
        error.message.ends_with("README.md is not as it was packed"),
        "{error}"
    );
}

#[test]
fn open_takes_a_package_with_a_program_alone_only_where_that_is_allowed() {
    let (_folder, path) = written();
    for name in ["model.json", "weights.safetensors", "MANIFEST.sha256"] {
        fs::remove_file(path.join(name)).unwrap();
    }
    fs::write(path.join("model.pt"), "a program").unwrap();
    pipe_package::write_manifest(&path).unwrap();
    let error = complaint(&path, &OPTIONS);
    assert!(
        error
            .message
            .contains("holds nothing but a program, model.pt"),
        "{error}"
    );
    assert!(error.hint.unwrap().contains("--allow-script"));
    let allowed = OpenOptions {
        allow_script: true,
        ..OPTIONS
    };
    let opened = Package::open(&path, &allowed).unwrap();
    assert!(opened.layers.is_none());
    assert_eq!(opened.script.unwrap(), b"a program");
    fs::write(path.join("model.json"), "{}").unwrap();
    assert!(complaint(&path, &AS_IT_IS).message.contains("model.json"));
}

#[test]
fn open_leaves_a_program_unread_beside_layers() {
    let (_folder, path) = written();
    fs::remove_file(path.join("MANIFEST.sha256")).unwrap();
    fs::write(path.join("model.pt"), "a program").unwrap();
    pipe_package::write_manifest(&path).unwrap();
    let opened = Package::open(&path, &OPTIONS).unwrap();
    assert!(opened.layers.is_some() && opened.script.is_none());
}

#[test]
fn write_manifest_is_read_by_sha256sum() {
    let (_folder, path) = written();
    let status = std::process::Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "MANIFEST.sha256"])
        .current_dir(&path)
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn open_ignores_what_has_no_name_of_a_package_s_files() {
    use std::os::unix::ffi::OsStrExt;
    let (_folder, path) = written();
    for (at, (_, make)) in stand_ins().into_iter().enumerate() {
        make(&path.join(format!("other {at}")));
    }
    for name in [
        &b"rows.csv"[..],
        b".DS_Store",
        b"not \xff UTF-8",
        b"two\nlines",
    ] {
        fs::write(path.join(std::ffi::OsStr::from_bytes(name)), "").unwrap();
    }
    for at in 0..2000 {
        fs::write(path.join(format!("{at}.png")), "").unwrap();
    }
    for options in [OPTIONS, AS_IT_IS] {
        Package::open(&path, &options).unwrap();
    }
}

#[test]
fn a_package_owns_its_files_and_those_that_its_manifest_lists() {
    let (_folder, path) = written();
    fs::remove_file(path.join("MANIFEST.sha256")).unwrap();
    fs::write(path.join("notes.txt"), "").unwrap();
    pipe_package::write_manifest(&path).unwrap();
    for name in ["notes.txt", "model.pt", "MANIFEST.sha256", "README.md"] {
        assert!(PackageFiles::owns(&path, name), "{name}");
    }
    assert!(!PackageFiles::owns(&path, "out.csv"));
    assert!(Package::open(&path, &OPTIONS).is_ok());
    fs::remove_file(path.join("notes.txt")).unwrap();
    let error = complaint(&path, &OPTIONS);
    assert!(error.message.ends_with("notes.txt is missing"), "{error}");
}
