#[expect(dead_code)]
fn f() {}
