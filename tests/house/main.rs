//! The rules of the house, checked by reading its own files.

mod documents;
mod files;
mod layering;
