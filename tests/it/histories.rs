//! Random histories: graphs, edits, runs, deaths, gc and damage by the real binary, each compared with a model. One that
//! goes wrong is made small and written down. `PIPE_PROOF=full` takes 10,000 of them; `PIPE_HISTORY=FILE` replays one.

use std::{
    fs,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use proptest::{
    prelude::*,
    sample::select,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};

use crate::{
    model::{Act, Blow, Form, Harm, History, Stage, Struck},
    project::repository,
    world::World,
};

/// How many histories in a proof of full size, and without it.
const FULL: u64 = 10_000;
const SMALL: u64 = 120;

fn stage() -> impl Strategy<Value = Stage> {
    let form = prop_oneof![
        3 => Just(Form::Whole), 1 => Just(Form::Short), 2 => Just(Form::Out), 1 => Just(Form::Large)
    ];
    let by_path = proptest::bool::weighted(0.5);
    (0..4_u8, any::<u8>(), 0..5_u8, form, by_path).prop_map(
        |(salt, inputs, source, form, by_path)| Stage {
            salt,
            inputs,
            source,
            form,
            by_path,
        },
    )
}

fn act() -> impl Strategy<Value = Act> {
    let any_stage = 0..6_u8;
    let run = (proptest::option::weighted(0.2, 0..6_u8), 1..4_u8)
        .prop_map(|(target, jobs)| Act::Run { target, jobs });
    let command =
        prop_oneof![4 => Just(Struck::Run), 1 => Just(Struck::Gc), 1 => Just(Struck::Verify)];
    let blow = prop_oneof![
        4 => Just(Blow::Kill), 2 => Just(Blow::Power),
        2 => select(vec![Blow::Full, Blow::Broken, Blow::NoFiles])
    ];
    let harm = select(Harm::ALL.to_vec());
    prop_oneof![
        3 => (0..3_u8, 0..3_u8).prop_map(|(source, text)| Act::Edit { source, text }),
        1 => (0..3_u8).prop_map(|source| Act::Touch { source }),
        2 => (any_stage.clone(), 0..5_u8).prop_map(|(stage, salt)| Act::Salt { stage, salt }),
        1 => (any_stage.clone(), any::<u8>()).prop_map(|(stage, inputs)| Act::Wire { stage, inputs }),
        6 => run,
        2 => (any_stage.clone(), 0..5_u8, proptest::option::weighted(0.3, any::<u8>()))
            .prop_map(|(stage, salt, inputs)| Act::Rework { stage, salt, inputs }),
        1 => (0..3_u8).prop_map(|keep| Act::Gc { keep }),
        1 => Just(Act::Verify),
        4 => (command, blow, 1..250_u16)
            .prop_map(|(command, blow, step)| Act::Strike { command, blow, step }),
        3 => (any::<u8>(), harm).prop_map(|(object, harm)| Act::Damage { object, harm }),
        1 => any_stage.prop_map(|stage| Act::LoseOut { stage }),
    ]
}

fn history() -> impl Strategy<Value = History> {
    (
        proptest::collection::vec(stage(), 1..6),
        proptest::collection::vec(act(), 1..10),
    )
        .prop_map(|(stages, acts)| History { stages, acts })
}

/// Lets it happen, and one more run after it.
fn live(history: &History) -> Result<(), TestCaseError> {
    let mut world = World::new(history);
    for act in &history.acts {
        world.act(act).map_err(TestCaseError::fail)?;
    }
    world.end().map_err(TestCaseError::fail)
}

/// The history of this number, and the smallest like it that goes wrong, written down, if it does.
fn try_one(number: u64) -> Result<(), String> {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    let config = Config {
        cases: 1,
        failure_persistence: None,
        max_shrink_iters: 300,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(config, rng);
    match runner.run(&history(), |it| live(&it)) {
        Ok(()) => Ok(()),
        Err(TestError::Fail(reason, history)) => {
            let folder = repository().join("target/tmp/histories");
            fs::create_dir_all(&folder).unwrap();
            let file = folder.join(format!("{number}.json"));
            fs::write(&file, serde_json::to_vec_pretty(&history).unwrap()).unwrap();
            Err(format!(
                "history {number}: {reason}\nreplay: PIPE_HISTORY={}\n{history:?}",
                file.display()
            ))
        }
        Err(error) => Err(format!("history {number}: {error}")),
    }
}

#[test]
fn whatever_happens_results_are_right_and_nothing_is_made_twice() {
    crate::workers::fake();
    if let Some(file) = std::env::var_os("PIPE_HISTORY") {
        let history = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        return live(&history).unwrap();
    }
    let begin = Instant::now();
    let is_full = std::env::var_os("PIPE_PROOF").is_some_and(|it| it == "full");
    let count = if is_full { FULL } else { SMALL };
    let (next, wrong) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    // Enough is enough: each of them takes its time to be made small.
                    if number >= count || wrong.lock().unwrap().len() > 3 {
                        break;
                    }
                    if let Err(error) = try_one(number) {
                        eprintln!("{error}");
                        wrong.lock().unwrap().push(error);
                    }
                }
            });
        }
    });
    let done = next.into_inner().min(count);
    let seconds = begin.elapsed().as_secs_f64();
    let asked = crate::world::FORECASTS.load(Ordering::Relaxed);
    println!("{done} histories with {asked} forecasts of runs in {seconds:.0} s");
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn histories_that_went_wrong_once_go_well() {
    for entry in fs::read_dir(repository().join("tests/cases/histories")).unwrap() {
        let path = entry.unwrap().path();
        let history = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        if let Err(error) = live(&history) {
            panic!("{}: {error}", path.display());
        }
    }
}
