#[allow(dead_code)]
fn f() {}
