#[cfg_attr(test, allow(dead_code))]
fn f() {}
