//! Pure: the JSON Schema of the file, for editors.
pub fn schema() -> serde_json::Value {
    serde_json::Value::Null
}
