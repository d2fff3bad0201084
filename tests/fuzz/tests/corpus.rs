//! Every file of the corpus, and what comes of it by small accidents, goes through its reader. A crash that was found once is
//! a file of the corpus from then on.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use fuzz_readers::{TARGETS, Target};
use peak_alloc::PeakAlloc;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Accidents for each target, shared among the files of its corpus.
const ACCIDENTS: usize = 400;
/// What a reader may hold beyond its input, whatever the input says of itself.
const MOST_BYTES: usize = 256 << 20;
/// Larger files are not for this repository.
const LARGEST: u64 = 16 << 10;
/// Numbers that lengths and counts become by accident.
const NUMBERS: [u64; 8] = [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX];

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|it| it.unwrap().path())
        .collect();
    paths.sort();
    let with_bytes = |path: PathBuf| {
        let bytes = fs::read(&path).unwrap();
        (path, bytes)
    };
    paths.into_iter().map(with_bytes).collect()
}

/// Reads the input; where that goes wrong it is kept, and the error says where.
fn check((name, read): Target, bytes: &[u8], origin: &Path) -> Result<(), String> {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let is_sound = catch_unwind(AssertUnwindSafe(|| read(bytes))).is_ok();
    let used = MEMORY.peak_usage().saturating_sub(before);
    if is_sound && used <= MOST_BYTES {
        return Ok(());
    }
    let kept = std::env::temp_dir().join(format!("fuzz-{name}-{}", std::process::id()));
    fs::write(&kept, bytes).unwrap();
    let what = if is_sound {
        format!("{used} bytes of memory")
    } else {
        "a panic".to_owned()
    };
    Err(format!(
        "{name}: {what}, of {} by accidents; the input is {}: mend it, then move it to tests/fuzz/corpus/{name}",
        origin.display(),
        kept.display()
    ))
}

/// A few changes of the kind that transmission, disks and attackers make.
fn accident(bytes: &mut Vec<u8>, others: &[(PathBuf, Vec<u8>)], chance: &mut ChaCha8Rng) {
    for _ in 0..chance.random_range(1..=4) {
        let length = bytes.len();
        if length == 0 {
            bytes.extend(chance.next_u64().to_le_bytes());
            continue;
        }
        let at = chance.random_range(0..length);
        match chance.random_range(0..9) {
            0 => bytes[at] ^= 1 << chance.random_range(0..8),
            1 => bytes[at] = chance.random(),
            2 => bytes.truncate(at),
            3 => {
                let end = chance.random_range(at..=length);
                bytes.drain(at..end);
            }
            4 => {
                let end = chance.random_range(at..=length);
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            5 | 6 => {
                let number = NUMBERS[chance.random_range(0..NUMBERS.len())];
                let width = [1, 2, 4, 8][chance.random_range(0..4)];
                let mut number = number.to_le_bytes()[..width].to_vec();
                if chance.random() {
                    number.reverse();
                }
                let end = (at + width).min(length);
                bytes.splice(at..end, number);
            }
            7 => {
                // A number in a text.
                let digits = bytes[at..]
                    .iter()
                    .take_while(|it| it.is_ascii_digit())
                    .count();
                let number = NUMBERS[chance.random_range(0..NUMBERS.len())].to_string();
                bytes.splice(at..at + digits, number.into_bytes());
            }
            _ => {
                let other = &others[chance.random_range(0..others.len())].1;
                let from = chance.random_range(0..=other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
}

/// All files of a target's corpus, then what accidents make of them.
fn check_all(target: Target) -> Result<(), String> {
    let corpus = corpus(target.0);
    for (path, bytes) in &corpus {
        check(target, bytes, path)?;
    }
    let each = ACCIDENTS.div_ceil(corpus.len());
    for (number, (path, bytes)) in corpus.iter().enumerate() {
        let mut chance = ChaCha8Rng::seed_from_u64(number as u64);
        for _ in 0..each {
            let mut changed = bytes.clone();
            accident(&mut changed, &corpus, &mut chance);
            check(target, &changed, path)?;
        }
    }
    Ok(())
}

/// All in one test: what a reader holds could not be told apart otherwise.
#[test]
fn fuzz_corpus_and_accidents_to_it_are_read_or_refused_in_bounds() {
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
    let found = TARGETS.into_iter().filter_map(|it| check_all(it).err());
    let found: Vec<String> = found.collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn fuzz_corpus_has_small_files_for_every_target_and_no_other_folders() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = |folder: &str| -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(root.join(folder))
            .unwrap()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let mut targets: Vec<String> = TARGETS.iter().map(|it| it.0.to_owned()).collect();
    targets.sort();
    assert_eq!(names("corpus"), targets);
    let files: Vec<String> = targets.iter().map(|it| format!("{it}.rs")).collect();
    assert_eq!(names("targets/fuzz_targets"), files);
    for target in &targets {
        for (path, bytes) in corpus(target) {
            assert!(
                bytes.len() as u64 <= LARGEST,
                "{} is too large",
                path.display()
            );
        }
    }
}
