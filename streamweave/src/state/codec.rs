//! Values as bytes: MessagePack with the names of fields.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes that are no value of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// Where in the value; `.` for the value itself.
    pub(crate) path: String,
    pub(crate) reason: String,
}

impl Unreadable {
    #[cold]
    pub(super) fn broken(reason: &str) -> Self {
        Unreadable { path: ".".to_owned(), reason: reason.to_owned() }
    }
}

/// Appends a value.
#[inline]
pub(crate) fn encode<V: Serialize + ?Sized>(value: &V, bytes: &mut Vec<u8>) {
    let mut serializer = rmp_serde::Serializer::new(bytes).with_struct_map();
    value.serialize(&mut serializer).expect("memory takes any value whose `Serialize` does not refuse it");
}

/// Reads a value, which is all of the bytes.
pub(crate) fn decode<V: DeserializeOwned>(bytes: &[u8]) -> Result<V, Unreadable> {
    let mut rest = bytes;
    let mut deserializer = rmp_serde::Deserializer::new(&mut rest);
    match V::deserialize(&mut deserializer) {
        Ok(value) if rest.is_empty() => Ok(value),
        Ok(_) => Err(Unreadable::broken("more was saved than is to be read")),
        Err(_) => Err(unreadable::<V>(bytes)),
    }
}

/// Why the bytes are no `V`: read once more, by a reader that knows where it is.
#[cold]
fn unreadable<V: DeserializeOwned>(bytes: &[u8]) -> Unreadable {
    let mut rest = bytes;
    let Ok(value) = rmpv::decode::read_value(&mut rest) else {
        return Unreadable::broken("the bytes are no MessagePack");
    };
    match serde_path_to_error::deserialize::<_, V>(value) {
        Ok(_) => Unreadable::broken("it could not be read"),
        Err(error) => Unreadable { path: error.path().to_string(), reason: error.inner().to_string() },
    }
}
