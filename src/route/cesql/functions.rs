//! Which functions there are: the built-in ones and those a user of the library adds.

use super::builtin::Builtin;
use super::value::{Type, Value};
use std::fmt;
use std::sync::Arc;

/// How a function of the user is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Its name: letters and `_`, first a letter; any case.
    pub name: String,
    /// Types of the arguments it always takes; arguments are cast to them.
    pub parameters: Vec<Type>,
    /// The type of any number of further arguments; `None`: it takes no more.
    pub variadic: Option<Type>,
    /// What it returns; the zero value of this type when an argument failed.
    pub returns: Type,
}

/// How a function fails: the value it returns all the same, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The value.
    pub value: Value<'static>,
    /// For people.
    pub detail: String,
}

/// What a function of the user does. It must not depend on anything but its arguments, and must end.
pub type Body = dyn Fn(&[Value<'_>]) -> Result<Value<'static>, Failure> + Send + Sync;

/// Why a function cannot be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The name is not one a call can name.
    #[error("`{0}` cannot be the name of a function: letters and `_` only, first a letter")]
    Name(String),
    /// A call could mean this one and another (CESQL 1.0 §3.5).
    #[error("{0} with these arguments exists already")]
    Ambiguous(String),
}

/// The functions expressions are compiled with. The built-in ones are always there.
#[derive(Debug, Clone, Default)]
pub struct Functions {
    own: Vec<Arc<UserFunction>>,
}

pub(super) struct UserFunction {
    pub signature: Signature,
    pub body: Box<Body>,
}

impl fmt::Debug for UserFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.signature.fmt(f)
    }
}

/// What a call was resolved to.
#[derive(Debug, Clone)]
pub(super) enum Function {
    Builtin(Builtin),
    User(Arc<UserFunction>),
}

impl Functions {
    /// The built-in functions alone.
    pub fn new() -> Functions {
        Functions::default()
    }

    /// Adds a function. A name may stand for several functions as long as the number of arguments tells which one is meant:
    /// a variadic one must always take more arguments than any other of its name can.
    pub fn add(
        &mut self,
        signature: Signature,
        body: impl Fn(&[Value<'_>]) -> Result<Value<'static>, Failure> + Send + Sync + 'static,
    ) -> Result<(), SignatureError> {
        let name = &signature.name;
        let letters = name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        if !letters || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Err(SignatureError::Name(name.clone()));
        }
        let own = Arity { fixed: signature.parameters.len(), variadic: signature.variadic.is_some() };
        let builtin = Builtin::ALL.iter().filter(|(known, ..)| name.eq_ignore_ascii_case(known));
        let builtin = builtin.map(|(_, _, arity)| *arity);
        let others = self.own.iter().filter(|other| name.eq_ignore_ascii_case(&other.signature.name));
        let others = others.map(|other| Arity::of(&other.signature));
        if builtin.chain(others).any(|other| own.clashes(other)) {
            return Err(SignatureError::Ambiguous(name.to_ascii_uppercase()));
        }
        self.own.push(Arc::new(UserFunction { signature, body: Box::new(body) }));
        Ok(())
    }

    pub(super) fn find(&self, name: &str, arguments: usize) -> Option<Function> {
        let builtin =
            Builtin::ALL.iter().find(|(known, _, arity)| name.eq_ignore_ascii_case(known) && arity.takes(arguments));
        let own = || {
            self.own.iter().find(|own| {
                name.eq_ignore_ascii_case(&own.signature.name) && Arity::of(&own.signature).takes(arguments)
            })
        };
        match builtin {
            Some((_, builtin, _)) => Some(Function::Builtin(*builtin)),
            None => own().map(|own| Function::User(own.clone())),
        }
    }
}

/// How many arguments a function takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arity {
    pub fixed: usize,
    pub variadic: bool,
}

impl Arity {
    fn of(signature: &Signature) -> Arity {
        Arity { fixed: signature.parameters.len(), variadic: signature.variadic.is_some() }
    }

    fn takes(self, arguments: usize) -> bool {
        arguments == self.fixed || (self.variadic && arguments > self.fixed)
    }

    fn clashes(self, other: Arity) -> bool {
        match (self.variadic, other.variadic) {
            (false, false) => self.fixed == other.fixed,
            (true, true) => true,
            (true, false) => self.fixed <= other.fixed,
            (false, true) => other.fixed <= self.fixed,
        }
    }
}
