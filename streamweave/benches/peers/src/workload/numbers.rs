//! W1: five cheap operators on numbers.
//!
//! `x * k1 + 1`, keep odd, `x ^ (x >> 7)`, keep those not divisible by 3, `x * k2`, and the
//! wrapping sum of what is left. Each operator is one function here and one node in an engine.

/// The numbers, `0..count`, in memory.
pub(crate) fn input(count: usize) -> &'static [u64] {
    Vec::leak((0..count as u64).collect())
}

#[inline(always)]
pub(crate) fn spread(x: u64) -> u64 {
    x.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1)
}

#[inline(always)]
pub(crate) fn is_odd(x: u64) -> bool {
    x & 1 == 1
}

#[inline(always)]
pub(crate) fn fold_down(x: u64) -> u64 {
    x ^ (x >> 7)
}

#[inline(always)]
pub(crate) fn is_kept(x: u64) -> bool {
    x % 3 != 0
}

#[inline(always)]
pub(crate) fn spread_again(x: u64) -> u64 {
    x.wrapping_mul(0xD1B5_4A32_D192_ED03)
}
