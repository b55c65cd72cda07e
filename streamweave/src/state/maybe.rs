//! A value or none, for serde's `with`, where the value may itself be written as nothing.
//!
//! MessagePack writes `Some(())` and `Some(None)` as it writes `None`. Where the type of the value is not known, as that of rows is
//! not, the two are told apart here: what is written is a sequence of at most one.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) fn serialize<V: Serialize, S: Serializer>(
    value: &Option<V>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value.as_slice().serialize(serializer)
}

pub(crate) fn deserialize<'de, V: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<V>, D::Error> {
    let mut values = Vec::<V>::deserialize(deserializer)?;
    match values.len() {
        0 | 1 => Ok(values.pop()),
        more => Err(D::Error::invalid_length(more, &"a value or none")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::codec::{decode, encode};
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Kept<V: Serialize + serde::de::DeserializeOwned> {
        #[serde(with = "super")]
        value: Option<V>,
    }

    fn loaded<V: Serialize + serde::de::DeserializeOwned>(value: Option<V>) -> Option<V> {
        let mut bytes = Vec::new();
        encode(&Kept { value }, &mut bytes);
        decode::<Kept<V>>(&bytes).expect("it is what was saved").value
    }

    #[test]
    fn a_value_that_is_written_as_nothing_is_not_none() {
        assert_eq!([loaded(Some(())), loaded(None)], [Some(()), None]);
        assert_eq!(
            [loaded(Some(Some(3))), loaded(Some(None)), loaded(None)],
            [Some(Some(3)), Some(None), None]
        );
    }
}
