//! What is legal, read off a JSON Schema. Knows its words; not whose schema it is.

use std::cell::RefCell;

use serde_json::Value as Json;

use super::{Bounds, Choice, Field, Grammar, Notation, Record};

/// What a type's schema lets through.
pub fn read(schema: &Json) -> Grammar {
    let reader = Reader {
        definitions: &schema["$defs"],
        open: RefCell::default(),
    };
    reader.read(schema).grammar
}

struct Reader<'a> {
    definitions: &'a Json,
    /// The definitions that are being read, each inside the one before.
    open: RefCell<Vec<String>>,
}

struct Found {
    grammar: Grammar,
    is_nullable: bool,
}

impl Reader<'_> {
    fn read(&self, schema: &Json) -> Found {
        if let Some(name) = schema["$ref"].as_str() {
            return self.read_definition(name.trim_start_matches("#/$defs/"));
        }
        if let Some(forms) = schema["oneOf"].as_array() {
            return plain(Grammar::Choice(
                self.choice(text(schema, "description"), forms),
            ));
        }
        if let Some(forms) = schema["anyOf"].as_array() {
            return self.either(forms);
        }
        if schema["enum"].is_array() || schema["const"].is_string() {
            return plain(Grammar::Choice(
                self.choice(text(schema, "description"), std::slice::from_ref(schema)),
            ));
        }
        let (kind, is_nullable) = match &schema["type"] {
            Json::Array(kinds) => (
                kinds
                    .iter()
                    .filter_map(Json::as_str)
                    .find(|it| *it != "null"),
                kinds.iter().any(|it| it == "null"),
            ),
            kind => (kind.as_str(), false),
        };
        let grammar = match kind {
            Some("boolean") => Grammar::Bool,
            Some("integer") => Grammar::Int(bounds(schema)),
            Some("number") => Grammar::Number(bounds(schema)),
            Some("string") if schema["maxLength"] == 1 => Grammar::Character,
            Some("string") => Grammar::Text,
            Some("array") => self.list(schema),
            Some("object") if schema["properties"].is_object() => {
                Grammar::Record(self.record(schema))
            }
            Some("object") => Grammar::Map(Box::new(match &schema["additionalProperties"] {
                inner @ Json::Object(_) => self.read(inner).grammar,
                _ => Grammar::Any,
            })),
            _ => Grammar::Any,
        };
        Found {
            grammar,
            is_nullable,
        }
    }

    fn read_definition(&self, name: &str) -> Found {
        let notation = Notation::ALL.iter().find(|it| it.0 == name);
        if let Some((_, notation)) = notation {
            return plain(Grammar::Scalar(*notation));
        }
        self.open.borrow_mut().push(name.to_owned());
        let mut found = self.read(&self.definitions[name]);
        self.open.borrow_mut().pop();
        if let Grammar::Choice(choice) = &mut found.grammar {
            choice.is_nested = self.open.borrow().iter().any(|it| it == name);
        }
        found
    }

    /// Whether a schema would go on inside a definition that is open twice already.
    fn is_too_deep(&self, schema: &Json) -> bool {
        let open = self.open.borrow();
        let Some(last) = open.last() else {
            return false;
        };
        let reference = format!("\"#/$defs/{last}\"");
        open.iter().filter(|it| *it == last).count() > 1 && schema.to_string().contains(&reference)
    }

    fn list(&self, schema: &Json) -> Grammar {
        let length = |key: &str| schema[key].as_u64().map(|it| it as usize);
        let exactly = length("minItems").filter(|it| length("maxItems") == Some(*it));
        Grammar::List(Box::new(self.read(&schema["items"]).grammar), exactly)
    }

    fn either(&self, forms: &[Json]) -> Found {
        let is_nullable = forms.iter().any(|it| it["type"] == "null");
        let mut forms: Vec<Grammar> = forms
            .iter()
            .filter(|it| it["type"] != "null")
            .map(|it| self.read(it).grammar)
            .collect();
        let grammar = match forms.len() {
            1 => forms.remove(0),
            _ => Grammar::Either(forms),
        };
        Found {
            grammar,
            is_nullable,
        }
    }

    fn record(&self, schema: &Json) -> Record {
        let required = |name: &String| {
            schema["required"]
                .as_array()
                .is_some_and(|it| it.iter().any(|it| it == name))
        };
        let fields = schema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, schema)| {
                let found = self.read(schema);
                let field = Field {
                    grammar: found.grammar,
                    doc: text(schema, "description"),
                    is_required: required(name),
                    is_nullable: found.is_nullable,
                    default: schema.get("default").cloned(),
                };
                (name.clone(), field)
            })
            .collect();
        Record {
            doc: text(schema, "description"),
            fields,
        }
    }

    fn choice(&self, doc: String, forms: &[Json]) -> Choice {
        let mut choice = Choice {
            doc,
            ..Choice::default()
        };
        for form in forms {
            let words = form["enum"].as_array().into_iter().flatten();
            for word in words.chain(form.get("const")).filter_map(Json::as_str) {
                choice.words.insert(word.to_owned(), None);
                // The words of an `enum` share their description: it is not theirs.
                let doc = form.get("const").map(|_| text(form, "description"));
                choice.docs.insert(word.to_owned(), doc.unwrap_or_default());
            }
            for (word, options) in form["properties"].as_object().into_iter().flatten() {
                if self.is_too_deep(options) {
                    continue;
                }
                choice
                    .words
                    .insert(word.clone(), Some(self.read(options).grammar));
                choice.docs.insert(word.clone(), text(form, "description"));
            }
        }
        choice
    }
}

fn plain(grammar: Grammar) -> Found {
    Found {
        grammar,
        is_nullable: false,
    }
}

fn text(schema: &Json, key: &str) -> String {
    schema[key].as_str().unwrap_or_default().to_owned()
}

fn bounds(schema: &Json) -> Bounds {
    let largest = match schema["format"].as_str() {
        Some("uint8") => Some(f64::from(u8::MAX)),
        Some("uint32") => Some(f64::from(u32::MAX)),
        _ => None,
    };
    Bounds {
        min: schema["minimum"].as_f64(),
        max: schema["maximum"].as_f64().or(largest),
        above: schema["exclusiveMinimum"].as_f64(),
        below: schema["exclusiveMaximum"].as_f64(),
    }
}
