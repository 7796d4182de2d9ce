//! The files of `schemas/`: which types are governed, by which versions, and which one an event means.

use super::json_schema::JsonSchema;
use super::schema::Schema;
use super::{Conversions, Document, SchemaFault, is_schema};
use crate::conversion::rules::Rules;
use crate::payload;
use crate::payload::avro::Avro;
use crate::payload::protobuf::{self, Protobuf};
use bytestring::ByteString;
use percent_encoding::percent_decode_str;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The versions of each governed type, lowest first.
pub type Types = HashMap<ByteString, Vec<Version>>;

/// One version of one type.
#[derive(Debug)]
pub struct Version {
    /// The file name without extension.
    pub name: String,
    /// `<type>/<version>`, as verdicts show it.
    pub label: ByteString,
    /// The file it stands in, relative to the schemas folder.
    pub file: String,
    /// What it asks of the data.
    pub schema: Schema,
    /// How XML data becomes what the schema asks of.
    pub conversion: Option<Arc<Rules>>,
}

impl Version {
    /// As it is compared with others.
    pub fn step(&self) -> Document<'_> {
        Document { file: &self.file, subject: self.schema.subject() }
    }
}

/// A file of a folder.
struct File<'f> {
    version: &'f str,
    extension: &'f str,
    content: &'f [u8],
}

/// Compiles schema files given as (path relative to the schemas folder, content). All faults at once.
pub fn compile(files: &[(String, Vec<u8>)], conversions: &Conversions) -> Result<Types, Vec<SchemaFault>> {
    let mut types = Types::new();
    let mut faults = Vec::new();
    for (folder, files) in folders(files) {
        match type_of(folder) {
            Ok(ty) => {
                let known = types.entry(ty.clone()).or_default();
                faults.extend(compile_folder(folder, &ty, &files, conversions.get(folder), known));
            }
            Err(fault) => faults.push(fault),
        }
    }
    types.retain(|_, versions| !versions.is_empty());
    for versions in types.values_mut() {
        versions.sort_by(|a, b| compare(&a.name, &b.name));
    }
    if faults.is_empty() { Ok(types) } else { Err(faults) }
}

/// The version a `dataschema` means: by the name it gives itself, of several with one name the highest, else by
/// `<type>/<version>` at the end of its path. The type URL of a message names it, too.
pub fn named<'v>(versions: &'v [Version], ty: &str, dataschema: &str) -> Option<&'v Version> {
    let by_id = versions.iter().rfind(|version| version.schema.id() == Some(dataschema));
    let by_path = || versions.iter().find(|version| ends_with(dataschema, ty, &version.name));
    let by_type_url = || {
        let name = dataschema.rsplit('/').next();
        versions.iter().rfind(|version| version.schema.kind() == "protobuf" && version.schema.id() == name)
    };
    by_id.or_else(by_path).or_else(by_type_url)
}

/// Schema files by folder, in order of version and extension. Other files are no schemas.
fn folders(files: &[(String, Vec<u8>)]) -> BTreeMap<&str, Vec<File<'_>>> {
    let mut folders: BTreeMap<&str, Vec<File<'_>>> = BTreeMap::new();
    for (path, content) in files {
        let Some((folder, file)) = path.split_once('/').filter(|(_, file)| !file.contains('/')) else { continue };
        if let Some((version, extension)) = file.rsplit_once('.').filter(|(_, extension)| is_schema(extension)) {
            folders.entry(folder).or_default().push(File { version, extension, content });
        }
    }
    for files in folders.values_mut() {
        files.sort_unstable_by_key(|file| (file.version, file.extension));
    }
    folders
}

/// The event type a folder is named after.
fn type_of(folder: &str) -> Result<ByteString, SchemaFault> {
    let fault = |message: String| SchemaFault {
        hint: Some(
            "in folder names all but letters, digits, `.`, `_` and `-` is percent-encoded: `a/b` is `a%2Fb`".to_owned(),
        ),
        ..SchemaFault::new(folder, message)
    };
    let mut rest = folder.bytes();
    while let Some(byte) = rest.next() {
        let fits = match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' => true,
            b'%' => rest.by_ref().take(2).filter(u8::is_ascii_hexdigit).count() == 2,
            _ => false,
        };
        if !fits {
            return Err(fault(format!("`{folder}` is not the folder name of an event type")));
        }
    }
    match percent_decode_str(folder).decode_utf8() {
        Ok(ty) => Ok(ty.as_ref().into()),
        Err(_) => Err(fault(format!("`{folder}` does not decode to UTF-8"))),
    }
}

/// Adds the versions of one folder, and tells everything that is wrong with its files.
fn compile_folder(
    folder: &str,
    ty: &str,
    files: &[File<'_>],
    conversion: Option<&Arc<Rules>>,
    versions: &mut Vec<Version>,
) -> Vec<SchemaFault> {
    let mut faults = Vec::new();
    let (protos, broken) = protos(folder, files);
    faults.extend(broken);
    let parts: Vec<String> = protos.iter().flat_map(|(_, text)| protobuf::imports(text)).collect();
    for File { version, extension, content } in files {
        let name = format!("{version}.{extension}");
        let path = format!("{folder}/{name}");
        // What others import is a part of them, unless its name says that it is a version.
        if parts.contains(&name) && !version.split('.').all(is_number) {
            continue;
        }
        if versions.iter().any(|known| known.name == *version) {
            faults.push(SchemaFault::new(&path, format!("version `{version}` of `{ty}` has two files")));
            continue;
        }
        let schema = match *extension {
            "json" => JsonSchema::compile(&path, content).map(|schema| Schema::Json(Box::new(schema))),
            "avsc" => {
                let schema =
                    Avro::compile(content).map(|schema| Schema::Payload(Box::new(payload::Schema::Avro(schema))));
                schema.map_err(|faults| faults.into_iter().map(|fault| SchemaFault::of(&path, fault)).collect())
            }
            _ if protos.iter().all(|(known, _)| *known != name) => continue,
            _ => Protobuf::compile(&name, &protos, ty)
                .map(|schema| Schema::Payload(Box::new(payload::Schema::Protobuf(schema))))
                .map_err(|fault| vec![SchemaFault::of(&path, fault)]),
        };
        match schema {
            Ok(schema) => {
                let label = format!("{ty}/{version}").into();
                let conversion = conversion.cloned();
                versions.push(Version { name: (*version).to_owned(), label, file: path, schema, conversion });
            }
            // Versions that import the same broken file tell the same.
            Err(more) => more.into_iter().for_each(|fault| {
                if !faults.contains(&fault) {
                    faults.push(fault);
                }
            }),
        }
    }
    faults
}

/// The `.proto` files of a folder by name and text.
fn protos(folder: &str, files: &[File<'_>]) -> (Vec<(String, String)>, Vec<SchemaFault>) {
    let mut protos = Vec::new();
    let mut faults = Vec::new();
    for File { version, extension, content } in files.iter().filter(|file| file.extension == "proto") {
        let name = format!("{version}.{extension}");
        match std::str::from_utf8(content) {
            Ok(text) => protos.push((name, text.to_owned())),
            Err(_) => faults.push(SchemaFault::new(&format!("{folder}/{name}"), "the file is not UTF-8")),
        }
    }
    (protos, faults)
}

/// Compares versions as dotted numbers; a part that is no number comes after every number, and then text decides.
fn compare(a: &str, b: &str) -> Ordering {
    let part = |a: &str, b: &str| match (is_number(a), is_number(b)) {
        (true, true) => {
            let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
            a.len().cmp(&b.len()).then_with(|| a.cmp(b))
        }
        (a_is_number, b_is_number) => b_is_number.cmp(&a_is_number).then_with(|| a.cmp(b)),
    };
    let mut parts = a.split('.').zip(b.split('.'));
    let first_difference = parts.find_map(|(a, b)| Some(part(a, b)).filter(|order| order.is_ne()));
    let shorter_first = || a.split('.').count().cmp(&b.split('.').count());
    first_difference.unwrap_or_else(|| shorter_first().then_with(|| a.cmp(b)))
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// True when the path of `uri` ends with the segments of `<type>/<version>`, as written or percent-encoded.
fn ends_with(uri: &str, ty: &str, version: &str) -> bool {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    let Some((rest, last)) = path.rsplit_once('/') else { return false };
    if percent_decode_str(last).ne(version.bytes()) {
        return false;
    }
    let as_written = rest.strip_suffix(ty).is_some_and(|before| before.is_empty() || before.ends_with('/'));
    let segment = rest.rsplit('/').next().unwrap_or_default();
    as_written || percent_decode_str(segment).eq(ty.bytes())
}
