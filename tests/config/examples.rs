//! The example files are good, and the long one names everything.

use std::fs;

use boon::{Compiler, Schemas};
use connectord::config;

use crate::{SHORTEST, root, toml_files};

#[test]
fn every_example_passes_check_without_a_warning() {
    for file in toml_files("config") {
        let loaded = config::load(&file).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let quiet = ["connector.toml", "webhook.toml", "chat.toml"];
        if quiet.iter().any(|name| file.ends_with(name)) {
            assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
        }
    }
}

#[test]
fn the_long_example_names_every_key_with_its_default() {
    let text = fs::read_to_string(root().join("config/connector.toml")).unwrap();
    let schema = config::schema();
    let mut section = String::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        let line = line.strip_prefix("# ").unwrap_or(line);
        if let Some(header) = line.strip_prefix('[') {
            section = header.split(']').next().unwrap().replace('.', "/properties/");
        }
        lines.push((section.clone(), line));
    }
    for (path, key) in keys(&schema) {
        let (section, name) = path.rsplit_once("/properties/").unwrap();
        let section = section.trim_start_matches("/properties/");
        let line = lines
            .iter()
            .find(|(at, line)| at == section && line.split(" = ").next() == Some(name))
            .unwrap_or_else(|| panic!("config/connector.toml lacks {path}"))
            .1;
        let Some(default) = key.get("default") else {
            continue;
        };
        let shown: toml::Table = toml::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert_eq!(&serde_json::to_value(&shown[name]).unwrap(), default, "{line}");
    }
}

#[test]
fn every_good_file_is_valid_by_the_schema_and_typical_slips_are_not() {
    let (schemas, index) = compile();
    for file in toml_files("config") {
        let text = fs::read_to_string(&file).unwrap();
        let json = to_json(&text);
        let result = schemas.validate(&json, index);
        assert!(result.is_ok(), "{}: {}", file.display(), result.unwrap_err());
    }
    assert!(schemas.validate(&to_json(SHORTEST), index).is_ok());
    for slip in [
        "[custom]\nmesageDelay = 3",
        "[custom]\nmessageDelay = -1",
        "[custom]\ntileDisplay = \"diagonal\"",
        "[cloud]\nconnect_timeout = \"10\"",
        "[cloud]\nconnect_timeout = 10",
        "[log]\nmessage_content = \"true\"",
        "[skills]\nhuman = 1",
        "[skills]\n12 = \"1\"",
        "[extra]",
    ] {
        let text = format!("{SHORTEST}\n{slip}");
        assert!(schemas.validate(&to_json(&text), index).is_err(), "{slip}");
        assert!(config::parse(&text, "x.toml".as_ref()).is_err(), "{slip}");
    }
}

/// Keys of the schema by their JSON pointer, without the fields that have moved.
fn keys(schema: &serde_json::Value) -> Vec<(String, &serde_json::Value)> {
    fn walk<'a>(
        at: &str,
        value: &'a serde_json::Value,
        into: &mut Vec<(String, &'a serde_json::Value)>,
    ) {
        let Some(properties) = value["properties"].as_object() else {
            return;
        };
        for (name, value) in properties {
            let at = format!("{at}/properties/{name}");
            if value["type"] == "object" {
                walk(&at, value, into);
            } else if value["deprecated"] != true {
                into.push((at, value));
            }
        }
    }
    let mut all = Vec::new();
    walk("", schema, &mut all);
    assert!(all.len() > 60, "{} keys", all.len());
    all
}

fn compile() -> (Schemas, boon::SchemaIndex) {
    let mut schemas = Schemas::new();
    let mut compiler = Compiler::new();
    compiler.add_resource("config.json", config::schema()).unwrap();
    let index = compiler.compile("config.json", &mut schemas).unwrap();
    (schemas, index)
}

fn to_json(text: &str) -> serde_json::Value {
    toml::from_str(text).unwrap()
}
