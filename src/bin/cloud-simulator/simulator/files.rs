//! Pure: the object storage for shared files: URLs that are good for a while, and bytes.

use super::clock::Millis;
use super::ids::Ids;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Largest file, in bytes (3 MB).
pub(super) const LIMIT: usize = 3 * 1024 * 1024;
/// How many files are kept; some go when there are more.
const MOST: usize = 200;
/// How long a URL is good for, ms.
const LIFE: Millis = 600_000;

/// Stored files and the URLs that may be used.
#[derive(Debug, Default)]
pub(crate) struct Files {
    stored: BTreeMap<String, Vec<u8>>,
    /// Path and signature to when the URL ends, and whether it is for storing.
    signed: BTreeMap<(String, String), (Millis, bool)>,
}

impl Files {
    /// Makes a URL for storing a file; the answer to `GenerateURLForUploadFile`.
    pub(super) fn plan_upload(
        &mut self,
        ids: &mut Ids,
        size: u64,
        kind: &str,
        now: Millis,
    ) -> Result<Value, String> {
        if !["JPG", "JPEG", "PNG", "GIF", "TXT", "PDF", "IMG"]
            .contains(&kind.to_ascii_uppercase().as_str())
        {
            return Err(format!("fileType \"{kind}\" does not exist"));
        }
        if size == 0 || size > LIMIT as u64 {
            return Err(format!("fileSize {size} is not between 1 and {LIMIT}"));
        }
        let path =
            format!("/v1/AUTH_async-images/simulated/{}.{}", ids.uuid(), kind.to_ascii_lowercase());
        Ok(self.sign(ids, path, now, true))
    }

    /// Makes a URL for fetching a file that has been stored.
    pub(super) fn plan_download(
        &mut self,
        ids: &mut Ids,
        path: &str,
        now: Millis,
    ) -> Result<Value, String> {
        if !self.is_stored(path) {
            return Err("File has not been uploaded".into());
        }
        Ok(self.sign(ids, path.to_owned(), now, false))
    }

    /// Whether a file has been stored under this path.
    pub(super) fn is_stored(&self, path: &str) -> bool {
        self.stored.contains_key(path)
    }

    /// Stores a file without a URL; its path.
    pub(super) fn put(&mut self, ids: &mut Ids, kind: &str, bytes: Vec<u8>) -> String {
        let path =
            format!("/v1/AUTH_async-images/simulated/{}.{}", ids.uuid(), kind.to_ascii_lowercase());
        self.store(path.clone(), bytes);
        path
    }

    /// Stores what was sent to a URL.
    pub(super) fn upload(
        &mut self,
        path: &str,
        signature: &str,
        bytes: Vec<u8>,
        now: Millis,
    ) -> Result<(), String> {
        self.allowed(path, signature, now, true)?;
        if bytes.len() > LIMIT {
            return Err(format!("{} bytes are more than {LIMIT}", bytes.len()));
        }
        self.store(path.to_owned(), bytes);
        Ok(())
    }

    /// Fetches what is stored under a URL.
    pub(super) fn download(
        &self,
        path: &str,
        signature: &str,
        now: Millis,
    ) -> Result<Vec<u8>, String> {
        self.allowed(path, signature, now, false)?;
        self.stored.get(path).cloned().ok_or_else(|| "no such file".to_owned())
    }

    fn store(&mut self, path: String, bytes: Vec<u8>) {
        if self.stored.len() == MOST {
            self.stored.pop_first();
        }
        self.stored.insert(path, bytes);
    }

    fn sign(&mut self, ids: &mut Ids, path: String, now: Millis, stores: bool) -> Value {
        let signature = ids.hex(20);
        let expires = now + LIFE;
        self.signed.retain(|_, (until, _)| *until >= now);
        self.signed.insert((path.clone(), signature.clone()), (expires, stores));
        json!({
            "relativePath": path,
            "queryParams": { "temp_url_sig": signature, "temp_url_expires": (expires / 1000).to_string() },
        })
    }

    fn allowed(
        &self,
        path: &str,
        signature: &str,
        now: Millis,
        stores: bool,
    ) -> Result<(), String> {
        let signed = self.signed.get(&(path.to_owned(), signature.to_owned()));
        let good =
            signed.is_some_and(|(until, for_storing)| *until >= now && *for_storing == stores);
        good.then_some(()).ok_or_else(|| "this URL is not signed, or has expired".to_owned())
    }
}
