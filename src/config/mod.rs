//! TOML text in, a configuration whose every value is legal out.
