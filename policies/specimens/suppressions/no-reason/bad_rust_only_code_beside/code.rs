#[allow(dead_code)] pub fn some_thing() {}
