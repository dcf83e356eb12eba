// The C side calls this by name.
#[allow(dead_code)]
fn f() {}
