// C calls it by name only.
#[allow(dead_code, unused_variables)]
fn f() {}
