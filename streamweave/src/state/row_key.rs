//! The key of a row, found by what it is saved as.
//!
//! An operator over rows of any type does not know whether its stream is keyed. What rows keep of it is asked only where state is divided
//! anew, so serde may tell: a [`Keyed`](crate::envelope::Keyed) says its name, which no type of a user has, and then its key.

use std::fmt;

use serde::Serialize;
use serde::ser::{Error, Impossible, SerializeStruct, Serializer};

use super::stable_hash;

/// What a [`Keyed`](crate::envelope::Keyed) says that it is.
const KEYED: &str = "streamweave::Keyed";

/// The [stable hash](stable_hash) of the key of a row; `None` where the row is not of a keyed stream.
pub(crate) fn hash_of_key<D: Serialize + ?Sized>(row: &D) -> Option<u64> {
    row.serialize(Looking).ok()
}

/// Takes a keyed row, and of it the key.
struct Looking;

/// There is no key here.
#[derive(Debug)]
struct NoKey;

impl fmt::Display for NoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the row has no key")
    }
}

impl std::error::Error for NoKey {}

impl Error for NoKey {
    fn custom<M: fmt::Display>(_message: M) -> Self {
        NoKey
    }
}

/// The hash of the key, once it has been seen.
struct Seen(Option<u64>);

impl SerializeStruct for Seen {
    type Ok = u64;
    type Error = NoKey;

    fn serialize_field<V: Serialize + ?Sized>(&mut self, name: &'static str, value: &V) -> Result<(), NoKey> {
        if name == "key" {
            self.0 = Some(stable_hash(value));
        }
        Ok(())
    }

    fn end(self) -> Result<u64, NoKey> {
        self.0.ok_or(NoKey)
    }
}

/// What is no struct has no key.
macro_rules! no_key {
    ($($name:ident($($arg:ty),*) -> $out:ty;)*) => {$(
        fn $name(self, $(_: $arg),*) -> Result<$out, NoKey> {
            Err(NoKey)
        }
    )*};
}

type No = Impossible<u64, NoKey>;

impl Serializer for Looking {
    type Ok = u64;
    type Error = NoKey;
    type SerializeSeq = No;
    type SerializeTuple = No;
    type SerializeTupleStruct = No;
    type SerializeTupleVariant = No;
    type SerializeMap = No;
    type SerializeStruct = Seen;
    type SerializeStructVariant = No;

    fn serialize_struct(self, name: &'static str, _len: usize) -> Result<Seen, NoKey> {
        if name == KEYED { Ok(Seen(None)) } else { Err(NoKey) }
    }

    no_key! {
        serialize_bool(bool) -> u64;
        serialize_i8(i8) -> u64;
        serialize_i16(i16) -> u64;
        serialize_i32(i32) -> u64;
        serialize_i64(i64) -> u64;
        serialize_u8(u8) -> u64;
        serialize_u16(u16) -> u64;
        serialize_u32(u32) -> u64;
        serialize_u64(u64) -> u64;
        serialize_f32(f32) -> u64;
        serialize_f64(f64) -> u64;
        serialize_char(char) -> u64;
        serialize_str(&str) -> u64;
        serialize_bytes(&[u8]) -> u64;
        serialize_none() -> u64;
        serialize_unit() -> u64;
        serialize_unit_struct(&'static str) -> u64;
        serialize_unit_variant(&'static str, u32, &'static str) -> u64;
        serialize_seq(Option<usize>) -> No;
        serialize_tuple(usize) -> No;
        serialize_tuple_struct(&'static str, usize) -> No;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> No;
        serialize_map(Option<usize>) -> No;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> No;
    }

    fn serialize_some<V: Serialize + ?Sized>(self, _value: &V) -> Result<u64, NoKey> {
        Err(NoKey)
    }

    fn serialize_newtype_struct<V: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _value: &V,
    ) -> Result<u64, NoKey> {
        Err(NoKey)
    }

    fn serialize_newtype_variant<V: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &V,
    ) -> Result<u64, NoKey> {
        Err(NoKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{self, Nullable};

    /// A type of a user that looks like the library's own.
    #[derive(serde::Serialize)]
    struct Keyed {
        key: u32,
        value: u32,
    }

    #[test]
    fn a_keyed_row_has_the_hash_of_its_key() {
        let row = envelope::Keyed { key: "N14228".to_owned(), value: (1, 'a') };
        assert_eq!(hash_of_key(&row), Some(stable_hash("N14228")));
        let row = envelope::Keyed { key: Nullable::<u32>::NULL, value: row };
        assert_eq!(hash_of_key(&row), Some(stable_hash(&None::<u32>)));
    }

    #[test]
    fn other_rows_have_no_key() {
        assert_eq!(hash_of_key(&Keyed { key: 1, value: 2 }), None);
        assert_eq!(hash_of_key(&7), None);
        assert_eq!(hash_of_key(&(1, "a")), None);
        assert_eq!(hash_of_key(&Some(envelope::Keyed { key: 1, value: 2 })), None);
        assert_eq!(hash_of_key(&vec![envelope::Keyed { key: 1, value: 2 }]), None);
    }
}
