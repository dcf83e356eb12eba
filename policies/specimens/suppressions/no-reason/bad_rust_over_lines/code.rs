#[allow(
    dead_code,
    unused_variables,
)]
fn f() {}
