//! Time zones of timestamp columns, as the Arrow schema in the metadata of a parquet file names them: parquet itself says
//! only whether times are in UTC. Knows names and zones; no values.

use std::collections::HashMap;

use base64ct::{Base64, Encoding as _};
use jiff::{
    fmt::temporal::DateTimeParser,
    tz::{TimeZone, TimeZoneDatabase},
};
use parquet::file::metadata::FileMetaData;
use polars_arrow_format::ipc::{
    FieldRef, MessageHeaderRef, MessageRef, TypeRef,
    planus::{self, ReadAsRoot as _},
};

/// The key of the Arrow schema.
const KEY: &str = "ARROW:schema";
/// Before a message there is its length, and before that these bytes in files of today.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// The zone of each column that has one, by its name; nothing comes of a schema that cannot be read.
pub fn names(metadata: &FileMetaData) -> HashMap<String, String> {
    let entries = metadata.key_value_metadata().into_iter().flatten();
    let schema = entries
        .filter(|entry| entry.key == KEY)
        .find_map(|entry| Base64::decode_vec(entry.value.as_ref()?).ok());
    schema
        .and_then(|bytes| of_message(&bytes).ok().flatten())
        .unwrap_or_default()
}

/// The zone of this name, in the database that pipe itself has: the same on every machine.
pub fn find(name: &str) -> Result<TimeZone, String> {
    DateTimeParser::new()
        .parse_time_zone_with(&TimeZoneDatabase::bundled(), name)
        .map_err(|_| format!("its time zone `{name}` is not known"))
}

fn of_message(bytes: &[u8]) -> planus::Result<Option<HashMap<String, String>>> {
    let message = match bytes {
        [a, b, c, d, _, _, _, _, message @ ..] if [*a, *b, *c, *d] == CONTINUATION => message,
        [_, _, _, _, message @ ..] => message,
        _ => return Ok(None),
    };
    let Some(MessageHeaderRef::Schema(schema)) = MessageRef::read_as_root(message)?.header()?
    else {
        return Ok(None);
    };
    let mut zones = HashMap::new();
    for field in schema.fields()?.into_iter().flatten() {
        if let Some((name, zone)) = of_field(field?)? {
            zones.insert(name.to_owned(), zone.to_owned());
        }
    }
    Ok(Some(zones))
}

fn of_field(field: FieldRef<'_>) -> planus::Result<Option<(&str, &str)>> {
    let Some(TypeRef::Timestamp(timestamp)) = field.type_()? else {
        return Ok(None);
    };
    let zone = timestamp.timezone()?.filter(|zone| !zone.is_empty());
    Ok(field.name()?.zip(zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_names_and_offsets() {
        for name in ["America/New_York", "UTC", "+05:30", "US/Eastern"] {
            assert!(find(name).is_ok(), "{name}");
        }
        assert!(find("Mars/Olympus").is_err());
    }

    #[test]
    fn zones_of_broken_schemas_are_none() {
        for length in 0..24 {
            for byte in [0, 1, 4, 0xff] {
                let found = of_message(&vec![byte; length]).ok().flatten();
                assert!(found.unwrap_or_default().is_empty());
            }
        }
    }
}
