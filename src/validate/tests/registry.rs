//! Files and folders of `schemas/`: what is read, what is ignored, what is a fault.

use super::compile;
use crate::validate::SchemaFault;

fn faults(files: &[(&str, &str)]) -> Vec<SchemaFault> {
    compile(files).unwrap_err()
}

fn types(files: &[(&str, &str)]) -> Vec<String> {
    compile(files).unwrap().list().into_iter().map(|info| format!("{} {}", info.ty, info.version)).collect()
}

#[test]
fn folders_are_named_after_types() {
    let files = [("com.example.a/1.json", "{}"), ("a%2Fb%C3%BC/2.json", "{}"), ("a%2fb%c3%bc/3.json", "{}")];
    assert_eq!(types(&files), ["a/bü 2", "a/bü 3", "com.example.a 1"]);
}

#[test]
fn other_files_are_nobodys() {
    let files = [
        ("README.md", "x"),
        ("top.json", "x"),
        ("a/1.json", "{}"),
        ("a/README.md", "x"),
        ("a/compat", "full"),
        ("a/notes.txt", "x"),
        ("a/.1.json.swp", "x"),
        ("a/deep/1.json", "x"),
        ("docs/README.md", "x"),
    ];
    assert_eq!(types(&files), ["a 1"]);
}

#[test]
fn every_fault_of_every_file_is_told() {
    let faults = faults(&[
        ("a/1.json", "{\n  \"tüpe\": }"),
        ("b c/1.json", "{}"),
        ("b%zz/1.json", "{}"),
        ("b%ff/1.json", "{}"),
        ("b%2/1.json", "{}"),
        ("d/1.json", r#"{"minimum": "x", "required": "y"}"#),
        ("e%41/1.json", "{}"),
        ("eA/1.json", "{}"),
    ]);
    let shown: Vec<_> =
        faults.iter().map(|fault| (&*fault.file, fault.pointer.as_deref(), fault.line_column)).collect();
    let expected = [
        ("a/1.json", None, Some((2, 11))),
        ("b c", None, None),
        ("b%2", None, None),
        ("b%ff", None, None),
        ("b%zz", None, None),
        ("d/1.json", Some("/minimum"), None),
        ("d/1.json", Some("/required"), None),
        ("eA/1.json", None, None),
    ];
    assert_eq!(shown, expected, "{faults:#?}");
}

#[test]
fn versions_are_compared_as_dotted_numbers() {
    let order =
        ["0", "1", "01", "1.0", "1.2", "1.2.0", "1.10", "1.beta", "2", "10", "99999999999999999999999", "a", "b"];
    let mut files: Vec<_> = order.iter().map(|version| (format!("t/{version}.json"), b"{}".to_vec())).collect();
    files.reverse();
    let list = crate::validate::Registry::compile(&files, &crate::validate::Conversions::new()).unwrap().list();
    let versions: Vec<&str> = list.iter().map(|info| info.version.as_str()).collect();
    let mut expected = order.to_vec();
    expected.swap(1, 2); // equal numbers: text decides
    assert_eq!(versions, expected);
}
