//! A hash that never changes: for placement that outlives a process.

use serde::Serialize;

use super::codec::encode;

/// The hash of a key by what it is saved as: the same in every process, on every platform, with every version of Rust and of
/// this library (rule H9). For placement only; the tables of operators have faster ones.
///
/// It is FNV-1a over the key's MessagePack, finished by the mixer of MurmurHash3, 64 bits wide.
///
/// # Examples
///
/// ```
/// use streamweave::state::stable_hash;
///
/// assert_eq!(stable_hash(&"N14228"), stable_hash(&String::from("N14228")));
/// assert_eq!(stable_hash(&7_u8), stable_hash(&7_u64));
/// ```
pub fn stable_hash<K: Serialize + ?Sized>(key: &K) -> u64 {
    let mut bytes = Vec::new();
    encode(key, &mut bytes);
    stable_hash_of_bytes(&bytes)
}

/// Of a key that is saved as these bytes.
pub(crate) fn stable_hash_of_bytes(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let mut hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, step);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// Among how many groups keys are divided: what moves when the number of shards changes.
pub const KEY_GROUPS: u16 = 128;

/// The group of a key among so many, by its hash.
pub fn key_group(hash: u64, groups: u16) -> u16 {
    (hash % u64::from(groups.max(1))) as u16
}
