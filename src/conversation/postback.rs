//! Pure: what a click's metadata says.

use super::words::Json;

/// The payload of the button, from the metadata of the click.
#[must_use]
pub fn payload(metadata: &Json) -> Option<String> {
    let entries = metadata.to_value();
    let entries = entries.as_array()?;
    let id = entries.iter().find(|entry| entry["type"] == "ExternalId")?["id"].as_str()?;
    Some(id.to_owned())
}
