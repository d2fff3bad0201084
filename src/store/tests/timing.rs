//! What the store costs; printed, never judged. `cargo test --release timing -- --ignored --nocapture`

use std::time::Instant;

use super::*;

fn timed<T>(what: &str, count: u64, work: impl FnOnce() -> T) -> T {
    let (start, cpu) = (Instant::now(), cpu_micros());
    let done = work();
    let each = start.elapsed().as_secs_f64() * 1e6 / count as f64;
    let cpu = (cpu_micros() - cpu) / count as f64;
    eprintln!("{what}: {each:.1} µs ({cpu:.1} µs of CPU) each, {count} of them");
    done
}

fn cpu_micros() -> f64 {
    use nix::sys::{resource, time::TimeValLike};
    let usage = resource::getrusage(resource::UsageWho::RUSAGE_SELF).unwrap();
    (usage.user_time() + usage.system_time()).num_microseconds() as f64
}

#[test]
#[ignore = "prints figures, and judges nothing"]
fn timing() {
    let place = Place::new();
    for count in [5, 1000] {
        let files = [
            ("metrics.json", "{}"),
            ("report.json", "{}"),
            ("sub/predictions.csv", "1,2"),
        ];
        let mut waiting = Vec::new();
        for seed in 0..count {
            waiting.push(written(
                &place.store,
                &format!("s{seed}"),
                count + seed,
                &files,
            ));
        }
        let (attempts, publications): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
        let records: Vec<Record> = timed("publish, equal content, one batch", count, || {
            place
                .store
                .publish_all(publications)
                .into_iter()
                .map(Result::unwrap)
                .collect()
        });
        drop(attempts);
        for record in &records {
            place
                .store
                .link_current(&record.observed.stage, record)
                .unwrap();
        }
        place.store.flush().unwrap();
        let store = timed("open", 1, || place.reopened());
        timed("first lookup", 1, || assert_fresh(&store, &records[0].key));
        timed("lookup", count, || {
            for record in &records {
                assert_fresh(&store, &record.key);
            }
        });
        timed("subdigest", count, || {
            for record in &records {
                store
                    .subdigest(&main(record), &["metrics.json".to_owned()])
                    .unwrap();
            }
        });
        timed("link_current", count, || {
            for record in &records {
                store.link_current(&record.observed.stage, record).unwrap();
            }
        });
        timed("flush", 1, || store.flush().unwrap());
        timed("close", 1, || drop(store));
    }
    let (attempts, publications): (Vec<_>, Vec<_>) = (0..200)
        .map(|seed| {
            let text = seed.to_string();
            written(
                &place.store,
                "other",
                10_000 + seed,
                &[("a", &text), ("b", "b")],
            )
        })
        .unzip();
    timed("publish, one batch", 200, || {
        for record in place.store.publish_all(publications) {
            record.unwrap();
        }
    });
    drop(attempts);
    timed("publish, one by one", 50, || {
        for seed in 0..50 {
            place.make("single", 20_000 + seed, &[("a", &format!("single {seed}"))]);
        }
    });
    let text = "x".repeat(100_000);
    for number in 0..2000 {
        place.write(&format!("many/{:02}/{number}", number % 20), &text);
    }
    std::thread::sleep(std::time::Duration::from_millis(50));
    let folder = place.work().join("many");
    timed("digest of source files, first", 2000, || {
        place.store.digest_path(&folder).unwrap()
    });
    timed("save", 1, || place.store.flush().unwrap());
    let store = place.reopened();
    timed("digest of source files, unchanged", 2000, || {
        store.digest_path(&folder).unwrap()
    });
}
