//! The JSON Schema of specs, for editors: the grammar written as JSON Schema, open for `"${x}"` and short forms.
//! Knows what is legal where; reads no spec.

use pipe_schema::stage::KINDS;
use serde_json::{Map, Value as Json, json};

use super::{
    grammar::{self, ALIASES, Bounds, Choice, Field, Grammar, Notation, Record},
    name,
    sections::VERSION,
};

/// What a value may be instead, before its vars are bound.
const VAR: &str = r"\$\{[^}]+\}";

/// The schema of a whole spec, draft 2020-12.
pub fn json_schema() -> Json {
    let name = json!({
        "type": "string",
        "pattern": "^[\\p{L}_][\\p{L}\\p{N}_-]*$",
        "maxLength": 100,
        "description": name::RULE,
    });
    let named = |of: Json, doc: &str| {
        json!({
            "type": "object",
            "description": doc,
            "propertyNames": name,
            "additionalProperties": of,
        })
    };
    let vars = named(
        json!({"type": ["string", "number", "boolean", "array"]}),
        "Values that stages use as `\"${name}\"`.",
    );
    let profile = json!({
        "type": "object",
        "properties": {"vars": vars},
        "required": ["vars"],
        "additionalProperties": false,
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pipe spec",
        "description": "A pipeline from raw data to a package.",
        "type": "object",
        "properties": {
            "version": {"const": VERSION, "description": "The version of the language."},
            "name": {"description": "The project's name.", "allOf": [name]},
            "include": {
                "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
                "description": "Further files with vars, profiles, stages, sweeps and promotions.",
            },
            "vars": vars,
            "profiles": named(profile, "Other values of vars, by name: `--profile name`."),
            "reuse": {
                "enum": ["exact", "any_machine"],
                "description": "Whether results made by another class of machine may be reused.",
            },
            "stages": named(stage(), "What is done, by name."),
            "sweeps": named(record(grammar::sweep()), "How vars are searched."),
            "promote": named(record(grammar::promote()), "Which packages may take an alias."),
        },
        "required": ["version", "name"],
        "patternProperties": {"^x-": true},
        "additionalProperties": false,
    })
}

/// A stage: the control keys and exactly one kind.
fn stage() -> Json {
    let mut properties = Map::new();
    for kind in KINDS {
        if let Some(block) = grammar::block(kind) {
            properties.insert(kind.to_owned(), record(block));
        }
    }
    for (name, field) in &grammar::control().fields {
        properties.insert(name.clone(), field_schema(field));
    }
    let exactly_one: Vec<Json> = KINDS.iter().map(|it| json!({"required": [it]})).collect();
    json!({
        "type": "object",
        "description": "One stage: exactly one kind key, and control keys beside it.",
        "properties": properties,
        "additionalProperties": false,
        "oneOf": exactly_one,
    })
}

fn record(record: &Record) -> Json {
    let mut properties = Map::new();
    for (name, field) in &record.fields {
        properties.insert(name.clone(), field_schema(field));
        for (alias, _) in ALIASES.iter().filter(|it| it.1 == name) {
            properties.insert((*alias).to_owned(), field_schema(field));
        }
    }
    let required: Vec<&String> = record
        .fields
        .iter()
        .filter(|it| it.1.is_required)
        .map(|it| it.0)
        .collect();
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    describe(&mut schema, &record.doc);
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn field_schema(field: &Field) -> Json {
    let mut schema = value(&field.grammar);
    if field.is_nullable {
        schema = any_of(vec![schema, json!({"type": "null"})]);
    }
    describe(&mut schema, &field.doc);
    if let Some(default) = field.default.as_ref().filter(|it| !it.is_null()) {
        schema["default"] = default.clone();
    }
    schema
}

fn describe(schema: &mut Json, doc: &str) {
    if !doc.is_empty() && schema.is_object() {
        schema["description"] = doc.into();
    }
}

/// What may stand for a value: itself, or a var that becomes it.
fn value(grammar: &Grammar) -> Json {
    let or_var = |schema: Json| any_of(vec![schema, var()]);
    match grammar {
        Grammar::Any => json!({}),
        Grammar::Bool => or_var(json!({"type": "boolean"})),
        Grammar::Int(limits) => or_var(bounds(json!({"type": "integer"}), limits)),
        Grammar::Number(limits) => or_var(bounds(json!({"type": "number"}), limits)),
        Grammar::Text => json!({"type": "string"}),
        Grammar::Character => or_var(json!({"type": "string", "minLength": 1, "maxLength": 1})),
        Grammar::Scalar(notation) => scalar(*notation),
        Grammar::Record(it) => record(it),
        Grammar::Choice(it) => choice(it),
        Grammar::List(item, length) => {
            let mut schema = json!({"type": "array", "items": value(item)});
            if let Some(length) = length {
                schema["minItems"] = (*length).into();
                schema["maxItems"] = (*length).into();
            }
            or_var(schema)
        }
        Grammar::Map(inner) => json!({"type": "object", "additionalProperties": value(inner)}),
        Grammar::Either(forms) => any_of(forms.iter().map(value).collect()),
    }
}

fn scalar(notation: Notation) -> Json {
    let text = |pattern: &str| json!({"type": "string", "pattern": pattern});
    let forms = match notation {
        Notation::Duration => vec![text("^[0-9]+(ms|s|m|h|d)$")],
        Notation::ByteSize => vec![
            text("^[0-9]+ ?([KMGT]iB|[kMGT]?B)$"),
            json!({"type": "integer", "minimum": 0}),
        ],
        Notation::BatchSize => vec![
            json!({"const": "full"}),
            json!({"type": "integer", "minimum": 1}),
        ],
        Notation::Reference => return json!({"type": "string"}),
    };
    any_of(forms.into_iter().chain([var()]).collect())
}

fn choice(choice: &Choice) -> Json {
    let mut forms = Vec::new();
    for (word, options) in &choice.words {
        let doc = choice.docs.get(word).map_or("", String::as_str);
        let aliases = ALIASES.iter().filter(|it| it.1 == word).map(|it| it.0);
        if choice.stands_alone(word) {
            for word in aliases.chain([word.as_str()]) {
                let mut form = json!({"const": word});
                describe(&mut form, doc);
                forms.push(form);
            }
        }
        let Some(options) = options else { continue };
        let mut form = json!({
            "type": "object",
            "properties": {word: value(options)},
            "required": [word],
            "additionalProperties": false,
        });
        describe(&mut form, doc);
        forms.push(form);
    }
    forms.push(var());
    let mut schema = any_of(forms);
    describe(&mut schema, &choice.doc);
    schema
}

fn bounds(mut schema: Json, bounds: &Bounds) -> Json {
    let limits = [
        ("minimum", bounds.min),
        ("maximum", bounds.max),
        ("exclusiveMinimum", bounds.above),
        ("exclusiveMaximum", bounds.below),
    ];
    for (key, limit) in limits {
        if let Some(limit) = limit {
            schema[key] = limit.into();
        }
    }
    schema
}

fn any_of(forms: Vec<Json>) -> Json {
    Json::from_iter([("anyOf", Json::Array(forms))])
}

fn var() -> Json {
    json!({"type": "string", "pattern": VAR})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Source, parse};

    fn errors(spec: &str) -> Vec<String> {
        let schema = json_schema();
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let spec = parse(Source {
            path: "x".to_owned(),
            text: spec.to_owned(),
        })
        .unwrap();
        validator
            .iter_errors(&spec.root.to_json())
            .map(|it| it.to_string())
            .collect()
    }

    const FRAME: &str = "version: 1\nname: x\nstages:\n  fit:\n    train:\n      data: p\n      model: {mlp: {hidden: [1]}}\n      loss: mse\n      epochs: 1\n";

    #[test]
    fn vars_are_legal_wherever_a_value_is() {
        let spec = FRAME.replace("epochs: 1", "epochs: \"${n}\"\n      batch_size: \"${b}\"\n      optimizer: {adam: {lr: \"${lr}\", betas: \"${betas}\"}}\n      shuffle: \"${s}\"\n      device: \"${d}\"");
        assert_eq!(errors(&spec), [""; 0]);
        assert_eq!(
            errors(
                &FRAME
                    .replace("[1]", "\"${sizes}\"")
                    .replace("mse", "\"${loss}\"")
            ),
            [""; 0]
        );
    }

    #[test]
    fn short_forms_and_aliases_are_legal() {
        let spec = FRAME.replace(
            "epochs: 1",
            "epochs: 1\n      optimizer: adam\n      lr_scheduler: cosine",
        );
        assert_eq!(errors(&spec), [""; 0]);
    }

    #[test]
    fn what_pipe_refuses_the_schema_refuses() {
        for (from, to) in [
            ("epochs: 1", "epochs: 0"),
            ("epochs: 1", "epochs: 1.5"),
            ("epochs: 1", "epochs: many"),
            ("loss: mse", "loss: mes"),
            ("loss: mse", "los: mse"),
            ("train:", "trian:"),
            ("version: 1", "version: 2"),
            (
                "    train:",
                "    evaluate: {model: a, data: b}\n    train:",
            ),
        ] {
            assert!(!errors(&FRAME.replace(from, to)).is_empty(), "{to}");
        }
    }
}
