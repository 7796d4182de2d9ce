//! A `.proto` file → the message its data is, without protoc and without touching the disk.

use crate::cloudevents::reader::shown;
use crate::payload::Fault;
use prost_reflect::MessageDescriptor;
use protox::file::{File, FileResolver, GoogleFileResolver};
use protox::{Compiler, Error};

/// Where imports are found: the files of the folder, and those that come with Protobuf.
struct Folder {
    files: Vec<(String, String)>,
    google: GoogleFileResolver,
}

impl FileResolver for Folder {
    fn open_file(&self, name: &str) -> Result<File, Error> {
        match self.files.iter().find(|(known, _)| known == name) {
            Some((_, text)) => File::from_source(name, text),
            None => self.google.open_file(name),
        }
    }
}

/// Compiles a file of a folder; `ty` is the event type that chooses among several messages.
pub fn compile(name: &str, folder: &[(String, String)], ty: &str) -> Result<MessageDescriptor, Fault> {
    let resolver = Folder { files: folder.to_vec(), google: GoogleFileResolver::new() };
    let mut compiler = Compiler::with_file_resolver(resolver);
    // The positions of errors come from the source info.
    compiler.include_source_info(true);
    compiler.open_file(name).map_err(|error| fault(name, &error))?;
    let file = compiler.descriptor_pool().get_file_by_name(name);
    let messages: Vec<MessageDescriptor> = file.iter().flat_map(|file| file.messages().collect::<Vec<_>>()).collect();
    if let [only] = &messages[..] {
        return Ok(only.clone());
    }
    if messages.is_empty() {
        return Err(Fault::at("", "the file declares no message").in_file(name));
    }
    let wanted = ty.rsplit(['.', '/', ':']).next().unwrap_or_default();
    let mut fitting = messages.iter().filter(|message| message.name().eq_ignore_ascii_case(wanted));
    match (fitting.next(), fitting.next()) {
        (Some(message), None) => Ok(message.clone()),
        (found, _) => {
            let names: Vec<&str> = messages.iter().map(MessageDescriptor::name).collect();
            let how = if found.is_some() { "several are" } else { "none is" };
            let message = format!("it is not clear which message the data is: {how} called `{}`", shown(wanted));
            let hint = format!(
                "the file declares {}; name one after the last part of the event type, or put the others inside of it",
                names.join(", ")
            );
            Err(Fault::at("", message).hint(hint).in_file(name))
        }
    }
}

/// What the compiler says. Line and column stand only in the form meant for debugging: `file:line:column: message`.
fn fault(name: &str, error: &Error) -> Fault {
    let file = error.file().unwrap_or(name).to_owned();
    let debug = format!("{error:?}");
    let position = debug.strip_prefix(&format!("{file}:")).and_then(|rest| {
        let mut parts = rest.splitn(3, ':');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    });
    let fault = Fault { line_column: position, pointer: None, ..Fault::at("", error.to_string()).in_file(&file) };
    if error.is_file_not_found() {
        return fault.hint("imports are files of the same folder, by their bare names, and google/protobuf/*");
    }
    fault
}

/// The files a text imports, as far as that can be told without compiling it.
pub fn imports(text: &str) -> Vec<String> {
    File::from_source("imports", text).map(|file| file.file_descriptor_proto().dependency.clone()).unwrap_or_default()
}
