//! The specs that come with pipe: each is sound, and the examples do what their READMEs say.
//! Data that is fetched is stood in for by a few rows of the same form.

use crate::{
    project::{Project, copy, repository},
    workers,
};

/// Fetched files, by what a spec names them, with rows to check it by.
const STAND_INS: [(&str, &str); 5] = [
    (
        "pipelines/data/fetched/letter/train.csv",
        "letter,x_box,y_box\nT,2,8\n",
    ),
    (
        "pipelines/data/fetched/letter/test.csv",
        "letter,x_box,y_box\nU,4,10\n",
    ),
    (
        "pipelines/data/fetched/adult/adult.data",
        "39, State-gov, 77516, Bachelors, 13, Never-married, Adm-clerical, Not-in-family, White, Male, 2174, 0, 40, ?, <=50K\n",
    ),
    ("pipelines/data/fetched/adult/adult.test", "|no row\n"),
    (
        "examples/text/fetched/mails.jsonl",
        "{\"subject\": \"hello\", \"text\": \"all\", \"label\": \"ham\"}\n",
    ),
];

/// Where the pictures of clothes are fetched to.
const CLOTHES: &str = "pipelines/data/fetched/fashion-mnist";

/// A project with all that is shipped.
fn shipped() -> Project {
    let project = Project::with_pipelines();
    copy(&repository().join("examples"), &project.path("examples"));
    for (path, text) in STAND_INS {
        project.write(path, text);
    }
    for part in ["train", "t10k"] {
        let path = |what| project.path(&format!("{CLOTHES}/{part}-{what}-ubyte.gz"));
        std::fs::create_dir_all(project.path(CLOTHES)).unwrap();
        std::fs::write(path("images-idx3"), idx(&[2, 28, 28])).unwrap();
        std::fs::write(path("labels-idx1"), idx(&[2])).unwrap();
    }
    project
}

/// An idx file of bytes that are all 0.
fn idx(sizes: &[u32]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, u8::try_from(sizes.len()).unwrap()];
    file.extend(sizes.iter().flat_map(|it| it.to_be_bytes()));
    file.resize(file.len() + sizes.iter().product::<u32>() as usize, 0);
    file
}

/// A project with one example, as if its folder had been copied.
fn example(name: &str) -> Project {
    workers::real();
    let project = Project::new();
    copy(
        &repository().join("examples").join(name),
        &project.path("."),
    );
    project
}

#[test]
fn every_shipped_spec_is_sound() {
    let project = shipped();
    let specs: Vec<String> = walkdir::WalkDir::new(project.path("."))
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|it| it == "yaml"))
        .map(|path| path.to_str().unwrap().to_owned())
        // The tour of the error messages is all errors.
        .filter(|path| !path.contains("examples/errors"))
        .collect();
    assert!(specs.len() >= 5, "{specs:?}");
    for spec in specs {
        project.done(&["check", &spec]);
    }
}

#[test]
fn profiles_leave_each_others_results_alone() {
    let project = example("profiles");
    let ran = |words: &[&str]| {
        project
            .done(&[&["run", "--format", "json"], words].concat())
            .stages("stage_started")
    };
    let all = ["prepare", "fit", "score", "bundle"];
    assert_eq!(ran(&["--profile", "quick"]), all);
    assert_eq!(ran(&[]), all[1..]);
    assert!(ran(&["--profile", "quick"]).is_empty());
}

#[test]
fn matrix_example_chooses_the_network_with_the_best_mean_over_its_folds() {
    let project = example("matrix");
    project.done(&["run"]);
    let metric = |stage: &str, name: &str| {
        let shown = project.done(&["show", stage, "--format", "json"]).json();
        shown["outputs"][0]["content"]["metrics"][name]
            .as_f64()
            .unwrap_or_else(|| panic!("{stage}: {shown}"))
    };
    let hidden = |stage: &str| {
        let shown = project.done(&["show", stage, "--format", "json"]).json();
        shown["outputs"][0]["content"]["model"]["layers"].clone()
    };
    let sizes = ["[]", "[4]", "[32]", "[64,32]"];
    let mean = |size: &&str| metric(&format!("candidate@hidden={size}"), "log_loss_mean");
    let best = sizes
        .iter()
        .min_by(|a, b| mean(a).total_cmp(&mean(b)))
        .unwrap();
    assert_eq!(hidden("best"), hidden(&format!("fit@hidden={best}")));
    assert!(metric("score", "accuracy") > 0.9);
}

#[test]
fn images_example_tells_shoes_apart_and_a_moved_picture_counts() {
    let project = example("images");
    let run = project.done(&["run"]);
    assert!(run.out.contains("bundle image.png"), "{run}");
    let shown = project.done(&["show", "bundle"]);
    assert!(shown.out.contains("bundle image.png"), "{shown}");
    let shown = project.done(&["show", "score", "--format", "json"]).json();
    let accuracy = &shown["outputs"][0]["content"]["metrics"]["accuracy"];
    assert!(accuracy.as_f64().unwrap() > 0.8, "{shown}");
    let files = ["shoes/sandal/001.png", "shoes/ankle_boot/002.png"];
    let answer = project.done(&["predict", "bundle", "--verify", files[0], files[1]]);
    assert_eq!(answer.out.lines().count(), 3, "{}", answer.out);
    assert!(
        answer.out.contains("\nankle_boot/002.png,"),
        "{}",
        answer.out
    );
    let all = project.done(&["predict", "bundle", "shoes/sandal"]);
    assert_eq!(all.out.lines().count(), 121);
    // Probabilities differ in the last digit with how many rows are beside one.
    let first = all.out.lines().nth(1).unwrap();
    assert!(first.contains(".png,sandal,"), "{first}");
    // The content is the same and its order too: only the label differs.
    let moved = ["shoes/ankle_boot/120.png", "shoes/sandal/000.png"].map(|it| project.path(it));
    std::fs::rename(&moved[0], &moved[1]).unwrap();
    let again = project.done(&["run", "--format", "json", "pipe.yaml", "prepare"]);
    assert_eq!(again.stages("stage_started"), ["prepare"]);
}

#[test]
fn snippets_of_the_kinds_pages_run() {
    workers::real();
    let pages: Vec<_> = std::fs::read_dir(repository().join("docs/kinds"))
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    assert!(pages.len() >= 7, "{pages:?}");
    let project = Project::new();
    copy(&repository().join("pipelines/data"), &project.path("data"));
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        let snippet = text
            .split("```yaml\n")
            .nth(1)
            .and_then(|it| it.split("```").next());
        let spec = format!("{}.yaml", page.file_stem().unwrap().to_str().unwrap());
        project.write(
            &spec,
            snippet.unwrap_or_else(|| panic!("{}: no snippet", page.display())),
        );
        project.done(&["run", &spec]);
    }
}
