//! Documents that are made from the code.

use connectord::config;

use crate::{assert_same, root};

#[test]
fn the_reference_says_what_the_code_does() {
    assert_same(&root().join("docs/config.md"), &config::reference());
}
