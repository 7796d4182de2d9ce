//! Which programs are loaded: those that always end (routing.md §3).
//!
//! Definitions of jq see themselves and what was defined before them, so that a program is recursive exactly where a call
//! names a definition it stands in. Without recursion, and without the generators of the library that never stop by
//! themselves, every program ends; a bound on its depth keeps it off the end of the stack.

use super::Refusal;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::path::Part;

/// Steps of `range` at most.
const LONGEST_RANGE: f64 = 100_000.0;
/// Terms in each other, called definitions counted in their place: what the stack of a run must hold.
const DEEPEST: usize = 1_000;
/// What a function of the library adds to that: the definitions behind it.
const LIBRARY_DEPTH: usize = 8;

/// Functions that are refused, with their number of arguments (`None`: any) and what to do instead.
const REFUSED: [(&str, Option<usize>, &str); 14] = [
    ("recurse", Some(1), "it need not end; `..` and `recurse` alone go over the data"),
    ("recurse", Some(2), "it need not end; `..` and `recurse` alone go over the data"),
    ("while", None, "it need not end; go over the data with .[] or over range(100)"),
    ("until", None, "it need not end; go over the data with .[] or over range(100)"),
    ("repeat", None, "it never ends; go over the data with .[] or over range(100)"),
    ("combinations", Some(1), "it repeats its input without end; combinations of the data alone are allowed"),
    ("input", None, "there is one input, `.`"),
    ("inputs", None, "there is one input, `.`"),
    ("input_filename", None, "there is one input, `.`"),
    ("input_line_number", None, "there is one input, `.`"),
    ("env", None, "a program sees the event only; write a fixed value, or ${env:NAME} in the route file"),
    ("halt", None, "use `empty` or `error(\"why\")`"),
    ("halt_error", None, "use `error(\"why\")`"),
    ("modulemeta", None, "there are no modules"),
];

/// Checks a parsed program. Returns its depth.
pub(super) fn check<'t>(text: &'t str, term: &Term<&'t str>) -> Result<usize, Refusal> {
    let mut checker = Checker { text, scope: Vec::new() };
    let depth = checker.term(term)?;
    if depth > DEEPEST {
        let message = format!("the program nests {depth} levels deep with all its definitions, more than {DEEPEST}");
        return Err(Refusal::new(0, message).hint("make it shorter, or split it over several steps"));
    }
    Ok(depth)
}

/// A name a call may mean.
struct Known<'t> {
    name: &'t str,
    arguments: usize,
    meaning: Meaning,
}

#[derive(Clone, Copy)]
enum Meaning {
    /// A definition the place stands in.
    Open,
    /// A definition that is complete, and its depth.
    Defined(usize),
    /// An argument of a definition.
    Argument,
}

struct Checker<'t> {
    text: &'t str,
    scope: Vec<Known<'t>>,
}

impl<'t> Checker<'t> {
    fn offset(&self, part: &str) -> usize {
        // Names are slices of the text; what is not is told at its beginning.
        let at = (part.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        if at <= self.text.len() { at } else { 0 }
    }

    /// The depth of a term.
    fn term(&mut self, term: &Term<&'t str>) -> Result<usize, Refusal> {
        let inner = match term {
            Term::Id | Term::Recurse | Term::Num(_) | Term::Arr(None) | Term::Break(_) => 0,
            Term::Var(name) => self.variable(name)?,
            Term::Str(format, parts) => {
                let called = format.map_or(0, |_| LIBRARY_DEPTH);
                called
                    + parts.len()
                    + self.deepest(
                        parts.iter().filter_map(|part| if let StrPart::Term(term) = part { Some(term) } else { None }),
                    )?
            }
            Term::Arr(Some(term)) | Term::Neg(term) | Term::Label(_, term) => self.term(term)?,
            Term::Obj(members) => {
                let terms = members.iter().flat_map(|(name, value)| std::iter::once(name).chain(value));
                members.len() + self.deepest(terms)?
            }
            Term::BinOp(left, operator, right) => {
                let pattern = if let BinaryOp::Pipe(Some(pattern)) = operator { self.pattern(pattern)? } else { 0 };
                self.term(left)?.max(self.term(right)?).max(pattern)
            }
            Term::Fold(_, source, pattern, arguments) => {
                self.term(source)?.max(self.pattern(pattern)?).max(self.deepest(arguments)?)
            }
            Term::TryCatch(term, caught) => self.term(term)?.max(self.deepest(caught.as_deref())?),
            Term::IfThenElse(branches, otherwise) => {
                let terms = branches.iter().flat_map(|(condition, then)| [condition, then]).chain(otherwise.as_deref());
                branches.len() + self.deepest(terms)?
            }
            Term::Def(definitions, term) => self.definitions(definitions, term)?,
            Term::Call(name, arguments) => self.call(name, arguments)?,
            Term::Path(term, path) => {
                let terms = path.0.iter().flat_map(|(part, _)| match part {
                    Part::Index(index) => [Some(index), None],
                    Part::Range(from, to) => [from.as_ref(), to.as_ref()],
                });
                path.0.len() + self.term(term)?.max(self.deepest(terms.flatten())?)
            }
        };
        Ok(inner + 1)
    }

    fn deepest<'a>(&mut self, terms: impl IntoIterator<Item = &'a Term<&'t str>>) -> Result<usize, Refusal>
    where
        't: 'a,
    {
        terms.into_iter().try_fold(0, |deepest, term| Ok(self.term(term)?.max(deepest)))
    }

    fn pattern(&mut self, pattern: &Pattern<&'t str>) -> Result<usize, Refusal> {
        match pattern {
            Pattern::Var(_) => Ok(1),
            Pattern::Arr(patterns) => {
                patterns.iter().try_fold(1, |deepest, pattern| Ok(deepest.max(1 + self.pattern(pattern)?)))
            }
            Pattern::Obj(members) => members.iter().try_fold(1, |deepest, (name, pattern)| {
                Ok(deepest.max(1 + self.term(name)?).max(1 + self.pattern(pattern)?))
            }),
        }
    }

    fn variable(&self, name: &'t str) -> Result<usize, Refusal> {
        if name == "$ENV" {
            let refusal = Refusal::new(self.offset(name), "`$ENV` is not allowed: a program sees the event only");
            return Err(refusal.hint("write a fixed value, or ${env:NAME} in the route file"));
        }
        Ok(0)
    }

    fn definitions(&mut self, definitions: &[Def<&'t str>], term: &Term<&'t str>) -> Result<usize, Refusal> {
        let outside = self.scope.len();
        for definition in definitions {
            let (name, arguments) = (definition.name, definition.args.len());
            let before = self.scope.len();
            self.scope.push(Known { name, arguments, meaning: Meaning::Open });
            // `$x` is a variable and no filter.
            for argument in definition.args.iter().filter(|argument| !argument.starts_with('$')) {
                self.scope.push(Known { name: argument, arguments: 0, meaning: Meaning::Argument });
            }
            let depth = self.term(&definition.body)?;
            self.scope.truncate(before);
            self.scope.push(Known { name, arguments, meaning: Meaning::Defined(depth) });
        }
        let depth = self.term(term)?;
        self.scope.truncate(outside);
        Ok(depth + definitions.len())
    }

    fn call(&mut self, name: &'t str, arguments: &[Term<&'t str>]) -> Result<usize, Refusal> {
        let known = self.scope.iter().rev().find(|known| known.name == name && known.arguments == arguments.len());
        let own = match known.map(|known| known.meaning) {
            Some(Meaning::Open) => {
                let message = format!("`{name}` is recursive: it is called where it is defined");
                let hint = "recursion need not end; `..`, `walk(f)`, `reduce` and `foreach` go over the data";
                return Err(Refusal::new(self.offset(name), message).hint(hint));
            }
            Some(Meaning::Defined(depth)) => depth,
            Some(Meaning::Argument) => 0,
            None => {
                self.library(name, arguments)?;
                LIBRARY_DEPTH
            }
        };
        Ok(own + self.deepest(arguments)?)
    }

    fn library(&self, name: &str, arguments: &[Term<&'t str>]) -> Result<(), Refusal> {
        let refused = REFUSED
            .iter()
            .find(|(other, count, _)| *other == name && count.is_none_or(|count| count == arguments.len()));
        if let Some((_, _, hint)) = refused {
            return Err(Refusal::new(self.offset(name), format!("`{name}` is not allowed")).hint(*hint));
        }
        if name == "range" && !is_short_range(arguments) {
            let message = "`range` must have literal bounds and at most 100000 steps";
            let hint = "write range(100), or go over the data: .[], keys[], to_entries[]";
            return Err(Refusal::new(self.offset(name), message).hint(hint));
        }
        Ok(())
    }
}

/// Are all bounds literals of at most 100,000, with as many steps between them?
fn is_short_range(arguments: &[Term<&str>]) -> bool {
    let literals: Option<Vec<f64>> = arguments.iter().map(literal).collect();
    let (from, to, by) = match literals.as_deref() {
        Some([to]) => (0.0, *to, 1.0),
        Some([from, to]) => (*from, *to, 1.0),
        Some([from, to, by]) => (*from, *to, *by),
        _ => return false,
    };
    let in_bounds = [from, to].iter().all(|bound| bound.abs() <= LONGEST_RANGE);
    in_bounds && by != 0.0 && ((to - from) / by) <= LONGEST_RANGE
}

fn literal(term: &Term<&str>) -> Option<f64> {
    match term {
        Term::Num(text) => text.parse().ok(),
        Term::Neg(term) => literal(term).map(|number| -number),
        _ => None,
    }
}
