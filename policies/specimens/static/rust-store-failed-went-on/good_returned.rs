fn sync(&self) -> Result<(), Error> {
    if let Err(e) = self.file.sync_all() {
        error!("fsync: {e}");
        return Err(e.into());
    }
    Ok(())
}
