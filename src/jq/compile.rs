//! Text → program: lexed, parsed, checked, compiled; with the place of what is wrong.

use super::natives::{self, Data};
use super::{Refusal, check};
use jaq_core::compile::{Filter, Undefined};
use jaq_core::load::lex::{self, Lexer, Tok, Token};
use jaq_core::load::parse::{self, BinaryOp, Parser, Term};
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Native};

/// The compiled form, which can be shared between threads.
pub(super) struct Compiled {
    /// What is run.
    pub filter: Filter<Native<Data>>,
    /// Terms in each other, see [`check`].
    pub depth: usize,
    /// What every result is, where none can be `true`.
    pub never_true: Option<&'static str>,
}

/// Bytes of a program; longer ones are better split over steps.
const LONGEST: usize = 16 << 10;
/// Programs up to this many bytes cannot nest deep enough to trouble a usual stack while they are read.
const SHALLOW: usize = 128;
/// Stack for reading longer ones. Only what is used of it costs memory.
pub(super) const STACK: usize = 256 << 20;
/// Words of jq that are for modules.
const MODULES: [&str; 3] = ["import", "include", "module"];

/// Compiles a text.
pub(super) fn compile(text: &str) -> Result<Compiled, Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::new(0, "the program is empty").hint("write `.` to pass the data on"));
    }
    if text.len() > LONGEST {
        let message = format!("the program has {} bytes, more than {LONGEST}", text.len());
        return Err(Refusal::new(0, message).hint("make it shorter, or split it over several steps"));
    }
    if text.len() <= SHALLOW {
        return read(text);
    }
    // The engine reads with recursion, as deep as the text nests.
    let unreadable = || Refusal::new(0, "the program cannot be read");
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || read(text));
        reader.ok().and_then(|reader| reader.join().ok()).unwrap_or_else(|| Err(unreadable()))
    })
}

fn read(text: &str) -> Result<Compiled, Refusal> {
    let tokens = Lexer::new(text).lex().map_err(|errors| unlexed(text, &errors))?;
    refuse_modules(text, &tokens)?;
    let term: Term<&str> = Parser::new(&tokens).parse(Parser::term).map_err(|errors| {
        let first = errors.into_iter().map(|(expected, found)| (expected, found.map(|Token(found, _)| *found)));
        unparsed(text, first.min_by_key(|(_, found)| found.map_or(text.len(), |found| offset(text, found))))
    })?;
    let depth = check::check(text, &term)?;
    let loader = Loader::new(natives::definitions_for(text));
    let arena = Arena::default();
    let cannot = |_| Refusal::new(0, "the program cannot be loaded");
    let modules = loader.load(&arena, File { code: text, path: () }).map_err(cannot)?;
    let compiler = Compiler::<_, Data>::default().with_funs(natives::functions()).with_global_vars(["$event"]);
    let filter = compiler.compile(modules).map_err(|errors| {
        let undefined = errors.into_iter().flat_map(|(_, errors)| errors);
        let first = undefined.min_by_key(|(name, _)| offset(text, name));
        first.map_or_else(
            || Refusal::new(0, "the program cannot be compiled"),
            |(name, kind)| undefined_name(text, name, &kind),
        )
    });
    Ok(Compiled { filter: filter?, depth, never_true: never_true(&term) })
}

/// What all results of a term are, if it is plain that they are never `true`.
fn never_true(term: &Term<&str>) -> Option<&'static str> {
    match term {
        Term::Num(_) => Some("a number"),
        Term::Str(..) => Some("text"),
        Term::Arr(_) => Some("an array"),
        Term::Obj(_) => Some("an object"),
        Term::Call("false", _) => Some("false"),
        Term::Call("null", _) => Some("null"),
        // What is assigned to is handed on: equal is `==`.
        Term::BinOp(_, BinaryOp::Assign | BinaryOp::Update | BinaryOp::UpdateMath(_), _) => {
            Some("the changed data (equal is `==`, not `=`)")
        }
        Term::BinOp(_, BinaryOp::Pipe(None), last) => never_true(last),
        _ => None,
    }
}

/// Where a part of the text stands.
fn offset(text: &str, part: &str) -> usize {
    let at = (part.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
    if at <= text.len() { at } else { 0 }
}

fn refuse_modules(text: &str, tokens: &[Token<&str>]) -> Result<(), Refusal> {
    let module = tokens.iter().find_map(|Token(word, kind)| match kind {
        Tok::Word if MODULES.contains(word) => Some(word),
        _ => None,
    });
    module.map_or(Ok(()), |word| {
        Err(Refusal::new(offset(text, word), format!("`{word}` is not allowed: a program stands by itself"))
            .hint("write the definitions into the program: `def name: …; …`"))
    })
}

fn unlexed(text: &str, errors: &[lex::Error<&str>]) -> Refusal {
    let Some((expected, found)) = errors.first() else { return Refusal::new(0, "the program cannot be read") };
    let at = offset(text, found);
    match expected {
        lex::Expect::Token => {
            let sign: String = found.chars().take(1).collect();
            let refusal = Refusal::new(at, format!("`{sign}` has no meaning here"));
            match sign.as_str() {
                "&" => refusal.hint("write `and`"),
                "'" => refusal.hint("strings stand in double quotes"),
                ")" | "]" | "}" => refusal.hint("nothing before it is open that it could close"),
                "“" | "”" | "‘" | "’" => refusal.hint("strings stand in plain double quotes"),
                _ => refusal.hint("members with other names than letters, digits and `_` are written .[\"name\"]"),
            }
        }
        lex::Expect::Delim(_) => Refusal::new(at, format!("{} is missing", expected.as_str()))
            .hint("each bracket and quote that is opened is closed"),
        lex::Expect::Ident if text.get(..at).is_some_and(|before| before.ends_with('$')) => {
            Refusal::new(at, "the name of a variable is expected here")
                .hint("the data is `.`, a member of it .name; `$event` holds the attributes")
        }
        _ => Refusal::new(at, format!("{} is expected here", expected.as_str())),
    }
}

fn unparsed(text: &str, error: Option<parse::Error<&str, Option<&str>>>) -> Refusal {
    let Some((expected, found)) = error else { return Refusal::new(0, "the program cannot be read") };
    let expected = match expected {
        parse::Expect::Just("") | parse::Expect::Nothing => "an operator or the end".to_owned(),
        parse::Expect::Just(word) => format!("`{word}`"),
        expected => expected.as_str().to_owned(),
    };
    match found.filter(|found| !found.is_empty()) {
        None => Refusal::new(text.trim_end().len(), format!("the program ends where {expected} is expected"))
            .hint("something is missing at its end"),
        Some(found) => {
            let shown = crate::cloudevents::reader::shown(found);
            let refusal = Refusal::new(offset(text, found), format!("expected {expected}, found `{shown}`"));
            match shown.as_str() {
                "=" | "!" => refusal.hint("equal is `==`, not equal `!=`, not is `| not`"),
                "||" => refusal.hint("write `or`"),
                "?" | ":" => refusal.hint("a choice is written: if … then … else … end"),
                _ => refusal.hint("see to what stands before it: an operator or a value is missing or too much"),
            }
        }
    }
}

fn undefined_name(text: &str, name: &str, kind: &Undefined) -> Refusal {
    let at = offset(text, name);
    match kind {
        Undefined::Filter(arguments) => {
            let in_rust = natives::functions().map(|(name, ..)| name);
            let names: Vec<&str> = natives::defined_names().chain(in_rust).collect();
            let likeness = |known: &&&str| strsim::damerau_levenshtein(known, name);
            let most = (name.len() / 3).min(2);
            let near = names.iter().min_by_key(likeness).filter(|known| likeness(known) <= most && **known != name);
            let refusal = Refusal::new(at, format!("there is no function `{name}` with {arguments} arguments"));
            match near {
                Some(near) => refusal.hint(format!("did you mean `{near}`?")),
                None if names.contains(&name) => refusal.hint("it takes another number of arguments"),
                None if *arguments == 0 => {
                    refusal.hint(format!("a member of the data is written .{name}, text \"{name}\""))
                }
                None => {
                    refusal.hint("functions are those of jq 1.7; own ones are written `def name: …;` before their use")
                }
            }
        }
        Undefined::Var => Refusal::new(at, format!("there is no variable `{name}`"))
            .hint("`$event` holds the attributes, `.` the data"),
        kind => Refusal::new(at, format!("there is no {} `{name}`", kind.as_str()))
            .hint("a label is set before its use: label $out"),
    }
}
