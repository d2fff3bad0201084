//! The process is killed, the power fails or the disk does at each step of a command in turn: the next run ends like a
//! clean one. `PIPE_PROOF=full` takes every step; without it, one of each kind is taken from time to time.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::Output,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use crate::scenes::{Place, SCENES, Scene, told};

fn is_full() -> bool {
    std::env::var_os("PIPE_PROOF").is_some_and(|it| it == "full")
}

/// The steps of a scene's command, as they are written down by a run without a fault, and what comes of it.
fn rehearse(scene: &Scene) -> (Vec<String>, BTreeMap<String, String>) {
    let place = Place::new(scene);
    let log = place.0.path("steps");
    let output = place.pipe(scene.words, Some(&format!("log - {}", log.display())));
    let code = output.status.code();
    assert!(code == Some(0) || scene.words == ["verify"], "{code:?}");
    let steps = fs::read_to_string(log).unwrap();
    place.settle();
    let results = place.results();
    place.check(&results).unwrap();
    (steps.lines().map(str::to_owned).collect(), results)
}

/// What is done, in which folder of the store, how deep below it, to what kind of file.
fn kind_of(step: &str) -> String {
    let mut words = step.splitn(3, ' ').skip(1);
    let (what, path) = (words.next().unwrap(), words.next().unwrap());
    let path = path
        .split("/artifacts")
        .last()
        .unwrap()
        .trim_start_matches('/');
    let folder = path.split('/').next().unwrap();
    let extension = Path::new(path).extension().unwrap_or_default();
    format!(
        "{what} {folder} {} {}",
        path.matches('/').count(),
        extension.display()
    )
}

/// Lets a fault happen at each step of all scenes. `plan` makes it of the step's number and the store;
/// `judge` looks at the end of the command that met it.
fn prove(
    what: &str,
    share: usize,
    plan: impl Fn(usize, &Path) -> String + Sync,
    judge: impl Fn(&Output) -> Result<(), String> + Sync,
) {
    crate::workers::fake();
    let begin = Instant::now();
    let (mut points, mut kinds) = (Vec::new(), BTreeSet::new());
    let mut count = 0;
    for scene in &SCENES {
        let (steps, results) = rehearse(scene);
        count += steps.len();
        let taken: Vec<usize> = (0..steps.len())
            .filter(|&at| is_full() || kinds.insert((scene.words[0], kind_of(&steps[at]))))
            .collect();
        let results = Arc::new(results);
        points.extend(
            taken
                .into_iter()
                .map(|at| (scene, at + 1, steps[at].clone(), Arc::clone(&results))),
        );
    }
    if !is_full() {
        // Scattered, and not the same ones for every fault.
        let offset = what.len();
        let every = points.len().div_ceil(share);
        points = points.split_off(offset % every);
        points = points.into_iter().step_by(every).collect();
    }
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((scene, number, step, results)) =
                    points.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let place = Place::new(scene);
                    let plan = plan(*number, &place.0.path("artifacts"));
                    let output = place.pipe(scene.words, Some(&plan));
                    let end = judge(&output)
                        .and_then(|()| is_true(scene, &place, &output, results))
                        .and_then(|()| place.check(results));
                    if let Err(error) = end {
                        let text = format!("{}, {plan} ({step}): {error}", scene.name);
                        wrong.lock().unwrap().push(text);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    println!(
        "{what}: {} of {count} steps of {} commands in {:.0} s",
        points.len(),
        SCENES.len(),
        begin.elapsed().as_secs_f64()
    );
    let number = wrong.len();
    assert!(wrong.is_empty(), "{number} wrong\n{}", wrong.join("\n"));
}

/// A run that says that it is done has its results, or warns.
fn is_true(
    scene: &Scene,
    place: &Place,
    output: &Output,
    results: &BTreeMap<String, String>,
) -> Result<(), String> {
    let is_said = scene.words[0] == "run" && output.status.success();
    if !is_said || told(output).contains("warning") || place.results() == *results {
        return Ok(());
    }
    Err(format!("done without results: {}", told(output)))
}

/// It was killed, or was done before the step came: threads do not always count alike.
fn is_dead(output: &Output) -> Result<(), String> {
    let is_well = output.status.signal() == Some(9) || output.status.code().is_some();
    is_well.then_some(()).ok_or_else(|| told(output))
}

/// It came to its end, and told what was wrong.
fn tells(output: &Output, word: &str) -> Result<(), String> {
    let text = told(output);
    let is_well = match output.status.code() {
        Some(0) => true,
        // `verify` ends like this where it found damage.
        Some(1 | 2) => text.contains(word) || text.contains("was set aside in"),
        _ => false,
    };
    is_well.then_some(()).ok_or(text)
}

#[test]
fn a_command_may_be_killed_at_any_step() {
    prove("kill", 98, |at, _| format!("kill {at}"), is_dead);
}

#[test]
fn the_power_may_fail_at_any_step() {
    prove(
        "power",
        65,
        |at, store| format!("power {at} {}", store.display()),
        is_dead,
    );
}

#[test]
fn the_disk_may_be_full_from_any_step_on() {
    prove(
        "ENOSPC+",
        30,
        |at, _| format!("ENOSPC {at}+"),
        |output| tells(output, "no space left"),
    );
}

#[test]
fn the_disk_may_be_full_at_any_step() {
    prove(
        "ENOSPC",
        30,
        |at, _| format!("ENOSPC {at}"),
        |output| tells(output, "no space left"),
    );
}

#[test]
fn any_step_may_fail() {
    prove(
        "EIO",
        98,
        |at, _| format!("EIO {at}"),
        |output| tells(output, "input/output error"),
    );
}

#[test]
fn files_may_run_out_at_any_step() {
    prove(
        "EMFILE",
        30,
        |at, _| format!("EMFILE {at}+"),
        |output| tells(output, "too many open files"),
    );
}
