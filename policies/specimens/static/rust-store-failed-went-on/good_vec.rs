fn names(&self) -> Vec<String> {
    let mut names = Vec::new();
    names.append(&mut self.others());
    self.limit.unwrap_or(0);
    names
}
