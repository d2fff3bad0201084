//! Tests of what stages share: the machine's devices, and results that are equal.

use std::sync::{Arc, Mutex};

use crossbeam_channel::never;
use pipe_schema::{run::Event, stage::Resources};

use super::{Fixture, command, obey, source};
use crate::exec::{JobWork, fake::Fake};

#[test]
fn each_stage_on_a_gpu_gets_devices_of_its_own_and_gives_them_back() {
    let on_gpus = |id: &str, gpus: u32| {
        let mut stage = command(id, &format!("say {id}"), None);
        stage.control.resources = Resources {
            gpus,
            ..Resources::default()
        };
        stage
    };
    let stages = vec![
        on_gpus("a", 1),
        on_gpus("b", 1),
        on_gpus("c", 1),
        on_gpus("d", 5),
        on_gpus("none", 0),
    ];
    let mut fixture = Fixture::new(stages);
    fixture.options.capacity.gpus = vec!["4".to_owned(), "GPU-7".to_owned()];
    let seen: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let taken: Arc<Mutex<Vec<String>>> = Arc::default();
    let notes = Arc::clone(&seen);
    let executor = Fake::new(move |job, stop| {
        let JobWork::Command(work) = &job.work else {
            panic!("no command: {job:?}")
        };
        let devices = (work.env.iter())
            .find(|(name, _)| name == "CUDA_VISIBLE_DEVICES")
            .map_or("", |(_, value)| value.as_str())
            .to_owned();
        let own: Vec<String> = devices
            .split(',')
            .filter(|it| !it.is_empty())
            .map(str::to_owned)
            .collect();
        {
            let mut taken = taken.lock().unwrap();
            assert!(own.iter().all(|it| !taken.contains(it)), "{taken:?}");
            taken.extend(own.clone());
        }
        std::thread::sleep(std::time::Duration::from_millis(30));
        taken.lock().unwrap().retain(|it| !own.contains(it));
        notes.lock().unwrap().push((job.stage.clone(), devices));
        obey(job, stop)
    });
    let (summary, _) = fixture.run_with(executor, &never());
    assert_eq!(summary.finished.ran, 5);
    let seen = seen.lock().unwrap();
    let of = |stage: &str| &seen.iter().find(|(it, _)| it == stage).unwrap().1;
    for stage in ["a", "b", "c"] {
        assert!(["4", "GPU-7"].contains(&of(stage).as_str()), "{seen:?}");
    }
    assert_eq!(of("d").split(',').count(), 2, "all that there are");
    assert_eq!(of("none"), "");
}

#[test]
fn equal_stages_of_one_run_are_executed_once_and_speak_of_no_other_run() {
    let fixture = Fixture::new(vec![source("left", "same"), source("right", "same")]);
    let (summary, events) = fixture.run();
    assert_eq!(fixture.started().len(), 1);
    assert_eq!((summary.finished.ran, summary.finished.cached), (1, 1));
    let waits = |it: &Event| matches!(it, Event::StageWaiting { .. });
    assert!(!events.iter().any(waits), "{events:?}");
}
