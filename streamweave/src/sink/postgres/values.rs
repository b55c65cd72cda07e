//! Rows as the text that `COPY .. FROM STDIN` takes: the server reads each value by the type of its column.

use std::fmt::Write;

use super::PostgresError;
use crate::time::EventTime;

/// The values of a row, to be given column by column.
#[derive(Debug)]
pub struct Values<'a> {
    out: &'a mut String,
    /// Where each value ends.
    ends: Vec<usize>,
    has_nul: bool,
}

impl Values<'_> {
    /// Gives the value of the next column.
    pub fn push(&mut self, value: impl Value) -> &mut Self {
        if !self.ends.is_empty() {
            self.out.push('\t');
        }
        let begin = self.out.len();
        value.write(self.out);
        self.has_nul |= self.out[begin..].contains('\0');
        self.ends.push(self.out.len());
        self
    }
}

/// Appends a row to `out`; gives where it begins and where each of its values ends.
pub(super) fn encode<D>(
    row: &D,
    columns: usize,
    values: &mut impl FnMut(&D, &mut Values<'_>),
    out: &mut String,
) -> Result<(usize, Vec<usize>), PostgresError> {
    let begin = out.len();
    let mut given = Values { out, ends: Vec::with_capacity(columns), has_nul: false };
    values(row, &mut given);
    let Values { ends, has_nul, .. } = given;
    let wrong = match ends.len() {
        _ if has_nul => Some(PostgresError::Nul),
        found if found != columns => Some(PostgresError::Columns { expected: columns, found }),
        _ => None,
    };
    if let Some(wrong) = wrong {
        out.truncate(begin);
        return Err(wrong);
    }
    out.push('\n');
    Ok((begin, ends))
}

/// What can stand in a column: numbers, texts, times, bytes, and an `Option` of them, where `None` is null.
///
/// What a column makes of it is up to the column: a text goes into any type whose notation it is, such as `numeric`, `jsonb` or `uuid`.
pub trait Value {
    /// Appends it, with what has a meaning of its own escaped.
    #[doc(hidden)]
    fn write(&self, out: &mut String);
}

macro_rules! displayed {
    ($($type:ty),*) => {$(
        impl Value for $type {
            fn write(&self, out: &mut String) {
                write!(out, "{self}").expect("a `String` takes everything");
            }
        }
    )*};
}

// A time is written as in RFC 3339, for a `timestamptz`.
displayed!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, bool, EventTime);

macro_rules! floats {
    ($($type:ty),*) => {$(
        impl Value for $type {
            fn write(&self, out: &mut String) {
                match *self {
                    x if x.is_nan() => out.push_str("NaN"),
                    <$type>::INFINITY => out.push_str("Infinity"),
                    <$type>::NEG_INFINITY => out.push_str("-Infinity"),
                    x => write!(out, "{x:?}").expect("a `String` takes everything"),
                }
            }
        }
    )*};
}

floats!(f32, f64);

impl Value for str {
    fn write(&self, out: &mut String) {
        for char in self.chars() {
            match char {
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                char => out.push(char),
            }
        }
    }
}

impl Value for String {
    fn write(&self, out: &mut String) {
        self.as_str().write(out);
    }
}

/// For a `bytea`.
impl Value for [u8] {
    fn write(&self, out: &mut String) {
        out.push_str("\\\\x");
        self.iter().for_each(|byte| write!(out, "{byte:02x}").expect("a `String` takes everything"));
    }
}

impl Value for Vec<u8> {
    fn write(&self, out: &mut String) {
        self.as_slice().write(out);
    }
}

impl<V: Value + ?Sized> Value for &V {
    fn write(&self, out: &mut String) {
        (**self).write(out);
    }
}

impl<V: Value> Value for Option<V> {
    fn write(&self, out: &mut String) {
        match self {
            Some(value) => value.write(out),
            None => out.push_str("\\N"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(columns: usize, mut values: impl FnMut(&mut Values<'_>)) -> Result<String, PostgresError> {
        let mut out = "before\n".to_owned();
        let encoded = encode(&(), columns, &mut |(), given| values(given), &mut out);
        if encoded.is_err() {
            assert_eq!(out, "before\n", "a row that is wrong leaves nothing");
        }
        encoded.map(|_| out["before\n".len()..].to_owned())
    }

    #[test]
    fn values_are_escaped_and_separated() {
        let row = encoded(7, |values| {
            values.push(-3).push("a\tb\\N\n\r").push(None::<i64>).push(true).push(f64::NEG_INFINITY);
            values.push(vec![0_u8, 255]).push(1e300);
        });
        assert_eq!(row.expect("it fits"), "-3\ta\\tb\\\\N\\n\\r\t\\N\ttrue\t-Infinity\t\\\\x00ff\t1e300\n");
    }

    #[test]
    fn too_many_values_too_few_and_texts_with_a_nul_are_refused() {
        let given = |count: usize| {
            encoded(2, |values| {
                (0..count).for_each(|_| {
                    values.push(1);
                });
            })
        };
        assert!(given(2).is_ok());
        assert!(matches!(given(1), Err(PostgresError::Columns { expected: 2, found: 1 })));
        assert!(matches!(given(3), Err(PostgresError::Columns { expected: 2, found: 3 })));
        let nul = encoded(1, |values| {
            values.push("\0");
        });
        assert!(matches!(nul, Err(PostgresError::Nul)));
    }
}
