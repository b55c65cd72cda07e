//! MessagePack as JSON.

use rmpv::Value as Packed;
use serde_json::{Map, Value, json};

/// What the bytes say; what JSON has no form for stands in words.
pub(crate) fn to_json(bytes: &[u8]) -> Value {
    let mut rest = bytes;
    rmpv::decode::read_value(&mut rest).map_or_else(|error| json!({"unreadable": error.to_string()}), json_of)
}

fn json_of(value: Packed) -> Value {
    match value {
        Packed::Nil => Value::Null,
        Packed::Boolean(yes) => yes.into(),
        Packed::Integer(number) => number
            .as_u64()
            .map(Value::from)
            .or_else(|| number.as_i64().map(Value::from))
            .unwrap_or(Value::Null),
        Packed::F32(number) => float(number.into()),
        Packed::F64(number) => float(number),
        Packed::String(text) => {
            text.into_str().map_or_else(|| json!({"unreadable": "text that is not UTF-8"}), Value::from)
        }
        Packed::Binary(bytes) | Packed::Ext(_, bytes) => {
            json!({"bytes": bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()})
        }
        Packed::Array(values) => values.into_iter().map(json_of).collect(),
        Packed::Map(entries) => {
            let is_text = entries.iter().all(|(key, _)| key.is_str());
            if is_text {
                let entries = entries
                    .into_iter()
                    .map(|(key, value)| (key.as_str().unwrap_or_default().to_owned(), json_of(value)));
                return Value::Object(entries.collect::<Map<_, _>>());
            }
            entries
                .into_iter()
                .map(|(key, value)| json!({"key": json_of(key), "value": json_of(value)}))
                .collect()
        }
    }
}

fn float(number: f64) -> Value {
    serde_json::Number::from_f64(number).map_or_else(|| number.to_string().into(), Value::Number)
}
