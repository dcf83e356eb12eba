#[expect(dead_code, reason = "C calls it by name")]
fn f() {}
