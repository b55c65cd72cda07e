//! error at: `breaker`
//! says: a circuit breaker needs calls that can fail

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        cents = from_iter([1_u32, 200]);
        called = async_map(|cents| async move { cents }).breaker(CircuitBreaker::after(3));
        cents -> called -> discard;
        called.err -> discard;
    };
}
