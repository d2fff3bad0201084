//! Packages with one number that is another, and a manifest that fits: whatever comes of them, it is no panic.

use pipe_package::write_manifest;

use super::*;

const ODD: [i64; 9] = [-1, 0, 1, 2, 7, 65536, 1 << 26, 0xffff_ffff, i64::MAX];

/// The numbers in a value.
fn numbers<'a>(value: &'a mut Value, found: &mut Vec<&'a mut Value>) {
    match value {
        Value::Number(_) => found.push(value),
        Value::Array(items) => items.iter_mut().for_each(|item| numbers(item, found)),
        Value::Object(fields) => fields.values_mut().for_each(|field| numbers(field, found)),
        _ => {}
    }
}

fn predict(workshop: &Workshop, form: Form, rows: &str) -> Result<String, String> {
    let work = Predict {
        input: Some(form),
        output: RowForm::Csv,
        probabilities: true,
        verify: true,
        no_verify: false,
        allow_script: false,
        memory: Some(4 << 30),
    };
    let inputs = ["package=bundle", &format!("rows={rows}")];
    let predicted = workshop.predict(work, &inputs);
    predicted.map_err(|failed| failed.message)
}

fn assert_no_panic(workshop: &Workshop, form: Form, rows: &str) {
    let (mut refused, mut all) = (0, 0);
    for name in ["bundle/model.json", "bundle/schema.json"] {
        let good = workshop.json(name);
        let mut copy = good.clone();
        let mut found = Vec::new();
        numbers(&mut copy, &mut found);
        for (at, odd) in (0..found.len()).flat_map(|at| ODD.map(|odd| (at, odd))) {
            let mut value = good.clone();
            let mut found = Vec::new();
            numbers(&mut value, &mut found);
            *found[at] = json!(odd);
            fs::write(workshop.path(name), value.to_string()).unwrap();
            write_manifest(&workshop.path("bundle")).unwrap();
            // A panic in the worker's work would be one here.
            refused += u32::from(predict(workshop, form, rows).is_err());
            all += 1;
        }
        fs::write(workshop.path(name), good.to_string()).unwrap();
    }
    assert!(refused > all / 4, "{refused} of {all}");
    write_manifest(&workshop.path("bundle")).unwrap();
    predict(workshop, form, rows).unwrap();
}

#[test]
fn predict_survives_every_odd_number_in_a_package_of_a_table() {
    let workshop = classes(&json!([4]));
    pack(&workshop).unwrap();
    assert_no_panic(&workshop, Form::Csv, "rows.csv");
}

#[test]
fn predict_survives_every_odd_number_in_a_package_of_images() {
    let workshop = Workshop::with_images();
    let layers = json!({"layers": [
        {"conv2d": {"out_channels": 2, "kernel_size": 3, "padding": 1}}, {"batch_norm": {}},
        {"max_pool2d": {"kernel_size": 2}}, "flatten", {"linear": {"out_features": 3}},
    ]});
    workshop.train(&layers, "cross_entropy", 1);
    let workshop = scored(workshop);
    pack(&workshop).unwrap();
    assert_no_panic(&workshop, Form::Jsonl, "rows.jsonl");
}
