//! The canonical bytes of `KeyParts`: every value with its type, every text and list with its length, maps sorted.
//! Different parts have different bytes; equal parts have equal bytes whatever the order of their maps.

use std::collections::BTreeMap;

use pipe_schema::{
    key::{EnvironmentClass, Key, KeyParts},
    manifest::Digest,
};
use serde_json::{Number, Value};
use sha2::{Digest as _, Sha256};

/// Raised when the encoding changes: then no old record is found any more.
const DOMAIN: &str = "pipe-action/1";

/// Hashes `parts` with `until` in place of theirs.
pub fn hash(parts: &KeyParts, until: Option<u32>) -> Key {
    Key(Digest(Sha256::digest(encode(parts, until)).into()))
}

/// The bytes that are hashed.
pub fn encode(parts: &KeyParts, until: Option<u32>) -> Vec<u8> {
    // Named, so that a field added to `KeyParts` cannot be forgotten here.
    let KeyParts {
        kind,
        revision,
        config,
        inputs,
        outputs,
        env,
        tools,
        environment,
        until: _,
    } = parts;
    let mut fields = Fields::default();
    fields.add("kind", |out| out.text(kind));
    fields.add("revision", |out| out.integer((*revision).into()));
    fields.add("config", |out| out.value(&config.value()));
    fields.add("inputs", |out| {
        out.map(inputs, Encoder::digest);
    });
    fields.add("outputs", |out| out.map(outputs, |out, it| out.text(it)));
    // What is absent leaves no trace: a field added later keeps old keys as they are.
    if !env.is_empty() {
        fields.add("env", |out| {
            out.map(env, |out, it| match it {
                Some(text) => out.text(text),
                None => out.null(),
            });
        });
    }
    if !tools.is_empty() {
        fields.add("tools", |out| out.map(tools, |out, it| out.text(it)));
    }
    if let Some(class) = environment {
        fields.add("environment", |out| out.environment(class));
    }
    if let Some(epoch) = until {
        fields.add("until", |out| out.integer(epoch.into()));
    }
    let mut out = Encoder::default();
    out.text(DOMAIN);
    out.fields(&fields);
    out.0
}

#[derive(Default)]
struct Encoder(Vec<u8>);

/// Encoded values by name.
#[derive(Default)]
struct Fields(BTreeMap<&'static str, Vec<u8>>);

impl Fields {
    fn add(&mut self, name: &'static str, write: impl FnOnce(&mut Encoder)) {
        let mut out = Encoder::default();
        write(&mut out);
        self.0.insert(name, out.0);
    }
}

impl Encoder {
    fn length(&mut self, length: usize) {
        self.0.extend((length as u64).to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.0.extend(bytes);
    }

    fn null(&mut self) {
        self.0.push(b'n');
    }

    fn text(&mut self, text: &str) {
        self.0.push(b's');
        self.bytes(text.as_bytes());
    }

    fn integer(&mut self, integer: i128) {
        self.0.push(b'i');
        self.0.extend(integer.to_be_bytes());
    }

    fn float(&mut self, float: f64) {
        self.0.push(b'f');
        self.0.extend(float.to_bits().to_be_bytes());
    }

    fn digest(&mut self, digest: &Digest) {
        self.0.push(b'd');
        self.0.extend(digest.0);
    }

    fn number(&mut self, number: &Number) {
        if let Some(integer) = number.as_i64() {
            self.integer(integer.into());
        } else if let Some(integer) = number.as_u64() {
            self.integer(integer.into());
        } else if let Some(float) = number.as_f64() {
            self.float(float);
        } else {
            // Only numbers kept as text (a build option of serde_json) come here: still distinct.
            self.text(&number.to_string());
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.null(),
            Value::Bool(is) => self.0.extend([b'b', u8::from(*is)]),
            Value::Number(number) => self.number(number),
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                self.0.push(b'l');
                self.length(items.len());
                for item in items {
                    self.value(item);
                }
            }
            Value::Object(entries) => {
                let sorted: BTreeMap<&String, &Value> = entries.iter().collect();
                self.0.push(b'm');
                self.length(sorted.len());
                for (name, item) in sorted {
                    self.text(name);
                    self.value(item);
                }
            }
        }
    }

    fn map<T>(&mut self, map: &BTreeMap<String, T>, write: impl Fn(&mut Self, &T)) {
        self.0.push(b'm');
        self.length(map.len());
        for (name, item) in map {
            self.text(name);
            write(self, item);
        }
    }

    fn fields(&mut self, fields: &Fields) {
        self.0.push(b'm');
        self.length(fields.0.len());
        for (name, encoded) in &fields.0 {
            self.text(name);
            self.0.extend(encoded);
        }
    }

    fn environment(&mut self, class: &EnvironmentClass) {
        let EnvironmentClass {
            libtorch,
            device,
            compute_capability,
            cpu_capability,
            threads,
            precision,
        } = class;
        let mut fields = Fields::default();
        fields.add("libtorch", |out| out.text(libtorch));
        fields.add("device", |out| out.text(device));
        if let Some(capability) = compute_capability {
            fields.add("compute_capability", |out| out.text(capability));
        }
        fields.add("cpu_capability", |out| out.text(cpu_capability));
        fields.add("threads", |out| out.integer((*threads).into()));
        fields.add("precision", |out| out.text(precision));
        self.fields(&fields);
    }
}
