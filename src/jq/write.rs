//! Value → compact JSON, members in their order.

use super::meter;
use super::value::Value;
use jaq_json::Num;
use std::fmt::{self, Write};

/// The text of a value, unless it has more bytes than that.
pub(super) fn limited(value: &Value, most: usize) -> Option<String> {
    let mut out = Limited { text: String::new(), most };
    write!(out, "{value}").ok().map(|()| out.text)
}

/// The beginning of what is written.
pub(super) fn beginning(value: &impl fmt::Display, most: usize) -> String {
    let mut out = Limited { text: String::new(), most };
    let complete = write!(out, "{value}").is_ok();
    if complete { out.text } else { out.text + "…" }
}

/// Stops the writer when there is enough: a value may refer to one part many times, and be far larger as text.
struct Limited {
    text: String,
    most: usize,
}

impl Write for Limited {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        if self.text.len() + more.len() <= self.most {
            self.text.push_str(more);
            return Ok(());
        }
        let room = self.most - self.text.len();
        let fits = (0..=room).rev().find(|at| more.is_char_boundary(*at)).unwrap_or(0);
        self.text.push_str(&more[..fits]);
        Err(fmt::Error)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        meter::steps(1);
        match self {
            Value::Null => f.write_str("null"),
            Value::Boolean(truth) => write!(f, "{truth}"),
            Value::Number(number) => write_number(number, f),
            Value::String(text) => write_text(text, f),
            Value::Array(array) => {
                f.write_char('[')?;
                for (at, item) in array.items.iter().enumerate() {
                    f.write_str(if at > 0 { "," } else { "" })?;
                    item.fmt(f)?;
                }
                f.write_char(']')
            }
            Value::Object(object) => {
                f.write_char('{')?;
                for (at, (name, value)) in object.members.iter().enumerate() {
                    f.write_str(if at > 0 { "," } else { "" })?;
                    write_text(name, f)?;
                    f.write_char(':')?;
                    value.fmt(f)?;
                }
                f.write_char('}')
            }
        }
    }
}

/// JSON has neither of these three: as jq does, the first becomes null, the others the largest there are.
fn write_number(number: &Num, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match number {
        Num::Float(float) if float.is_nan() => f.write_str("null"),
        Num::Float(float) if float.is_infinite() => write!(f, "{:e}", f64::MAX.copysign(*float)),
        number => {
            if let Num::BigInt(number) = number {
                meter::steps(usize::try_from(number.bits() / 64).unwrap_or(usize::MAX));
            }
            fmt::Display::fmt(number, f)
        }
    }
}

fn write_text(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    meter::bytes(text.len());
    f.write_char('"')?;
    let mut taken = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x08 => "\\b",
            0x0c => "\\f",
            0..0x20 => "",
            _ => continue,
        };
        f.write_str(&text[taken..at])?;
        taken = at + 1;
        if escape.is_empty() { write!(f, "\\u{byte:04x}")? } else { f.write_str(escape)? }
    }
    f.write_str(&text[taken..])?;
    f.write_char('"')
}
