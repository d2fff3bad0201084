//! Categories that are embedded, from training to the package.

use pipe_schema::{
    protocol::{Predict, RowForm},
    stage::preprocess::Form,
};
use serde_json::json;
use tch::{CModule, Tensor};

use super::{INPUTS, files, pack, scored, verify};
use crate::{model, workshop::Workshop};

fn trained() -> Workshop {
    let workshop = Workshop::with_codes();
    let tabular = json!({"tabular": {"hidden": [12], "dropout": 0.1}});
    workshop.train(&tabular, "cross_entropy", 25);
    scored(workshop)
}

#[test]
fn package_predicts_words_that_training_never_saw() {
    let workshop = trained();
    let accuracy = workshop.json("score/metrics.json")["accuracy"].as_f64();
    assert!(accuracy.unwrap() >= 0.9, "{accuracy:?}");
    pack(&workshop).unwrap();
    assert_eq!(verify(&workshop).unwrap().lines().count(), 241);
    let plain = Predict {
        input: Some(Form::Csv),
        output: RowForm::Csv,
        probabilities: true,
        verify: false,
        no_verify: false,
        allow_script: false,
        memory: None,
    };
    let rows = "x,city,size\n1,Linz,S\n1,Paris,S\n1,,S\n1,Linz,XXL\n";
    std::fs::write(workshop.path("new.csv"), rows).unwrap();
    let found = workshop
        .predict(plain, &["package=bundle", "rows=new.csv"])
        .unwrap();
    let found: Vec<&str> = found.lines().collect();
    assert_eq!(found.len(), 5);
    // A word that is missing and one that was not seen share a code.
    assert_eq!(found[2], found[3]);
    assert_ne!(found[1], found[2]);
}

#[test]
fn torchscript_takes_the_row_with_its_codes() {
    let workshop = trained();
    pack(&workshop).unwrap();
    let script = CModule::load(workshop.path("bundle/model.pt")).unwrap();
    let row = |city: f32| Tensor::from_slice(&[0.5f32, city, 1.0]).view([1, 3]);
    assert_eq!(script.forward_ts(&[row(4.0)]).unwrap().size(), [1, 2]);
    // A code that there is not has no numbers.
    assert!(script.forward_ts(&[row(5.0)]).is_err());
}

#[test]
fn compression_leaves_embeddings_as_they_are() {
    let workshop = trained();
    for passes in [
        json!([{"quantize": {"bits": 8}}]),
        json!([{"prune": {"sparsity": 0.5}}]),
    ] {
        let block = json!({"compress": {"model": "fit", "data": "data", "passes": passes}});
        workshop
            .stage(&block, &["model=fit", "data=data"], "small")
            .unwrap();
        let tensors = |folder: &str| {
            let path = workshop.path(&format!("{folder}/weights.safetensors"));
            model::file::read(&path).unwrap()
        };
        let (before, after) = (tensors("fit"), tensors("small"));
        for name in ["0.weight", "1.weight"] {
            assert_eq!(before[name], after[name], "{name}");
        }
        assert_ne!(before["2.weight"].kind(), tch::Kind::Int8);
        let block = json!({"evaluate": {"model": "small", "data": "data.test"}});
        workshop
            .stage(&block, &["model=small", "data=data.test"], "score")
            .unwrap();
        let block = json!({"package": {"model": "small", "report": "score", "name": "kinds"}});
        workshop
            .stage(&block, &["model=small", INPUTS[1], INPUTS[2]], "bundle")
            .unwrap();
        verify(&workshop).unwrap();
        assert!(files(&workshop, "bundle").contains_key("model.pt"));
    }
}
