//! Pure: the reference.
pub fn reference() -> String {
    String::new()
}
