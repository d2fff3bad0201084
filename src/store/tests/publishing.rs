//! Publishing as it goes when nothing goes wrong.

use std::{sync::Barrier, thread};

use pipe_schema::run::Reason;
use serde_json::Value;

use super::*;

#[test]
fn what_was_published_is_found_by_its_key_in_another_process() {
    let place = Place::new();
    let record = place.make("fit", 1, &[("model.json", "{}"), ("sub/weights", "w")]);
    assert_eq!(record.key, key(1));
    assert_eq!(assert_fresh(&place.store, &key(1)), record);
    assert_eq!(assert_fresh(&place.reopened(), &key(1)), record);
    assert_eq!(stale(&place.store, &key(2)), "");
    let object = place.object(&record);
    assert_eq!(fs::read_to_string(object.join("sub/weights")).unwrap(), "w");
    assert_eq!(record.outputs["main"].bytes, 3);
}

#[test]
fn artifacts_are_read_only_and_keep_executable_bits_links_and_empty_folders() {
    let place = Place::new();
    let (attempt, publication) =
        written(&place.store, "fit", 1, &[("run.sh", "#!"), ("sub/a", "a")]);
    let folder = publication.outputs[0].2.clone();
    fs::set_permissions(folder.join("run.sh"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::create_dir(folder.join("empty")).unwrap();
    link("sub/a", &folder.join("link"));
    link("nowhere", &folder.join("dangling"));
    let before = picture(&folder);
    let record = place.store.publish(publication).unwrap();
    drop(attempt);
    let object = place.object(&record);
    assert_eq!(picture(&object), before);
    for (path, wanted) in [
        ("", 0o555),
        ("run.sh", 0o555),
        ("sub", 0o555),
        ("sub/a", 0o444),
        ("empty", 0o555),
    ] {
        assert_eq!(mode(&object.join(path)), wanted, "{path}");
    }
    assert_fresh(&place.reopened(), &key(1));
}

#[test]
fn a_single_file_is_wrapped_under_the_name_that_readers_expect() {
    let place = Place::new();
    let attempt = place.store.attempt("r", "audit", 1, true).unwrap();
    let outputs = [
        ("report", ArtifactType::Report, "metrics.json"),
        ("net", ArtifactType::Model, "model.pt"),
        ("table", ArtifactType::Files, "table"),
    ];
    for (name, _, _) in outputs {
        fs::write(attempt.output(name), name).unwrap();
    }
    let record = place
        .store
        .publish(Publication {
            parts: parts(1),
            name: "stage".to_owned(),
            outputs: outputs
                .map(|(name, it, _)| (name.to_owned(), it, attempt.output(name)))
                .to_vec(),
            outs: Vec::new(),
            observed: seen("audit"),
        })
        .unwrap();
    for (name, _, file) in outputs {
        let object = place.store.artifact(&record.outputs[name].digest);
        assert_eq!(fs::read_to_string(object.join(file)).unwrap(), name);
    }
}

#[test]
fn an_output_that_was_not_written_publishes_nothing() {
    let place = Place::new();
    let (_attempt, mut publication) = written(&place.store, "fit", 1, &[("a", "a")]);
    let missing = place.work().join("missing");
    publication
        .outputs
        .push(("extra".to_owned(), ArtifactType::Files, missing));
    let error = place.store.publish(publication).unwrap_err();
    assert!(
        matches!(error, StoreError::OutputMissing { ref output, .. } if output == "extra"),
        "{error}"
    );
    assert_eq!(stale(&place.store, &key(1)), "");
    assert!(place.store.object_digests().unwrap().is_empty());
}

#[test]
fn equal_content_is_kept_once_whoever_made_it() {
    let place = Place::new();
    let one = place.make("a", 1, &[("x", "same")]);
    let two = place.make("b", 2, &[("x", "same")]);
    assert_eq!(main(&one), main(&two));
    assert_eq!(place.store.object_digests().unwrap().len(), 1);
    assert_fresh(&place.store, &key(1));
    assert_fresh(&place.store, &key(2));
}

#[test]
fn two_equal_outputs_of_one_stage_and_empty_ones_are_fine() {
    let place = Place::new();
    let attempt = place.store.attempt("r", "s", 1, true).unwrap();
    let names = ["a", "b", "c"];
    for name in names {
        fs::create_dir(attempt.output(name)).unwrap();
    }
    let publication = || Publication {
        parts: parts(1),
        name: "stage".to_owned(),
        outputs: names
            .map(|it| (it.to_owned(), ArtifactType::Files, attempt.output(it)))
            .to_vec(),
        outs: Vec::new(),
        observed: seen("s"),
    };
    let record = place.store.publish(publication()).unwrap();
    assert_eq!(record.outputs["a"].digest, record.outputs["c"].digest);
    for name in names {
        let _ = fs::create_dir(attempt.output(name));
    }
    place.store.publish(publication()).unwrap();
    assert_fresh(&place.reopened(), &key(1));
}

#[test]
fn an_artifact_of_the_store_may_be_an_output_again_and_stays_where_it_is() {
    let place = Place::new();
    let fit = place.make("fit", 1, &[("model.json", "{}")]);
    let object = place.object(&fit);
    let chosen = place
        .store
        .publish(Publication {
            parts: parts(2),
            name: "stage".to_owned(),
            outputs: vec![("main".to_owned(), ArtifactType::Files, object.clone())],
            outs: Vec::new(),
            observed: seen("best"),
        })
        .unwrap();
    assert_eq!(main(&chosen), main(&fit));
    assert!(object.join("model.json").exists());
    assert_fresh(&place.reopened(), &key(1));
    assert_fresh(&place.reopened(), &key(2));
}

#[test]
fn a_file_that_has_another_name_elsewhere_is_copied_and_left_alone() {
    let place = Place::new();
    let source = place.write("data.csv", "1,2");
    let (_attempt, publication) = written(&place.store, "s", 1, &[]);
    fs::hard_link(&source, publication.outputs[0].2.join("data.csv")).unwrap();
    let record = place.store.publish(publication).unwrap();
    assert_ne!(mode(&source) & 0o200, 0);
    fs::write(&source, "changed").unwrap();
    assert_eq!(
        fs::read_to_string(place.object(&record).join("data.csv")).unwrap(),
        "1,2"
    );
    assert_fresh(&place.reopened(), &key(1));
}

#[test]
fn a_link_to_a_folder_is_published_as_what_it_leads_to_which_stays_as_it_is() {
    let place = Place::new();
    let file = place.write("real/a", "1");
    let folder = place.work().join("real");
    let output = place.work().join("output");
    link(folder.to_str().unwrap(), &output);
    let before = (mode(&folder), mode(&file));
    let record = place
        .store
        .publish(Publication {
            parts: parts(1),
            name: "stage".to_owned(),
            outputs: vec![("main".to_owned(), ArtifactType::Files, output)],
            outs: Vec::new(),
            observed: seen("stage"),
        })
        .unwrap();
    assert_eq!((mode(&folder), mode(&file)), before);
    let object = place.object(&record);
    assert!(!object.is_symlink());
    fs::write(&file, "2").unwrap();
    assert_eq!(fs::read_to_string(object.join("a")).unwrap(), "1");
    assert_fresh(&place.reopened(), &key(1));
}

#[test]
fn a_tree_that_its_maker_closed_is_published_all_the_same() {
    let place = Place::new();
    let (_attempt, publication) = written(&place.store, "s", 1, &[("closed/a", "a"), ("b", "b")]);
    let folder = publication.outputs[0].2.clone();
    for path in ["b", "closed/a"] {
        fs::set_permissions(folder.join(path), fs::Permissions::from_mode(0o000)).unwrap();
    }
    fs::set_permissions(folder.join("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    let record = place.store.publish(publication).unwrap();
    assert_eq!(
        fs::read_to_string(place.object(&record).join("closed/a")).unwrap(),
        "a"
    );
}

#[test]
fn many_that_publish_the_same_at_once_end_with_one_whole_artifact() {
    const THREADS: u64 = 8;
    let place = Place::new();
    let files: Vec<(String, String)> = (0..20)
        .map(|it| (format!("f{it}"), "x".repeat(it * 100)))
        .collect();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    for round in 0..5 {
        let barrier = Barrier::new(THREADS as usize);
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (place, barrier, files) = (&place, &barrier, &files);
                scope.spawn(move || {
                    let store = place.reopened();
                    let mut files = files.clone();
                    let text = format!("round {round}");
                    files.push(("round", &text));
                    let (attempt, publication) =
                        written(&store, &format!("t{thread}"), round, &files);
                    barrier.wait();
                    store.publish(publication).unwrap();
                    drop(attempt);
                    assert_fresh(&store, &key(round));
                });
            }
        });
        assert_fresh(&place.reopened(), &key(round));
    }
    assert_eq!(place.store.object_digests().unwrap().len(), 5);
    assert_eq!(place.store.quarantined().unwrap(), 0);
    let verified = place.store.verify(&mut |_, _| {}).unwrap();
    assert_eq!((verified.objects, verified.damage), (5, Vec::new()));
}

#[test]
fn a_batch_publishes_each_and_one_failure_stops_no_other() {
    let place = Place::new();
    let (_a, one) = written(&place.store, "a", 1, &[("x", "1")]);
    let (_b, mut two) = written(&place.store, "b", 2, &[("x", "2")]);
    let (_c, three) = written(&place.store, "c", 3, &[("x", "3")]);
    two.outputs[0].2 = place.work().join("missing");
    let results = place.store.publish_all(vec![one, two, three]);
    assert_eq!(
        results.iter().map(Result::is_ok).collect::<Vec<_>>(),
        [true, false, true]
    );
    assert_fresh(&place.store, &key(1));
    assert_fresh(&place.store, &key(3));
    place.store.flush().unwrap();
}

#[test]
fn a_stage_is_stale_for_what_changed_since_it_was_last_made_or_used() {
    let place = Place::new();
    let reasons = |seed| place.store.reasons("fit", &parts(seed), Vec::new());
    assert_eq!(reasons(1), [Reason::NeverRun]);
    let one = place.make("fit", 1, &[("x", "1")]);
    place.make("fit", 2, &[("x", "2")]);
    let changed = |old: u64, new: u64| Reason::Changed {
        part: "config.seed".to_owned(),
        old: Some(Value::from(old)),
        new: Some(Value::from(new)),
    };
    assert_eq!(reasons(3), [changed(2, 3)]);
    place.store.note_last("fit", &one).unwrap();
    assert_eq!(reasons(3), [changed(1, 3)]);
    place.store.flush().unwrap();
    assert_eq!(
        place.reopened().reasons("fit", &parts(3), Vec::new()),
        [changed(1, 3)]
    );
    unwrite(&place.store, |it| it.kind == Kind::Record);
    assert_eq!(
        place.reopened().reasons("fit", &parts(1), Vec::new()),
        [Reason::RecordMissing]
    );
}
