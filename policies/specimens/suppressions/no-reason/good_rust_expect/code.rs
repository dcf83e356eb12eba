#[expect(
    dead_code,
    reason = "C calls it (by name)"
)]
fn f() {}

fn g(x: Option<u8>) -> u8 {
    x.expect("it is there")
}
/// Like `#[allow(dead_code)]`.
fn h() {}
