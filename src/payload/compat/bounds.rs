//! Bounds of numbers, lengths and counts; patterns and formats.

use super::json::Comparison;
use super::values::of_kind;
use super::view::Place;
use serde_json::Value;

/// A limit of numbers.
#[derive(Debug, Clone, Copy)]
struct Limit {
    value: f64,
    /// The value itself is outside.
    exclusive: bool,
}

/// What is known of lengths and counts before a schema says something about them.
pub(super) enum Counts {
    /// There are no others.
    Of(Vec<f64>),
    /// None is smaller, none is larger.
    Between(f64, Option<f64>),
}

impl Comparison {
    /// What the reader asks of numbers.
    pub(super) fn numbers<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>, whole: bool) {
        for (keyword, strict, sign) in [("minimum", "exclusiveMinimum", -1.0), ("maximum", "exclusiveMaximum", 1.0)] {
            // Turned so that a larger value is always wider.
            let limit = |place: &Place<'_>| {
                let limit = limit(place, keyword, strict, sign);
                if whole { limit.map(of_whole) } else { limit }
            };
            let Some(asked) = limit(reader) else { continue };
            let written = writer.iter().filter_map(limit);
            let written = written.reduce(|a, b| if wider(a, b) { b } else { a });
            let fits = match of_kind(writer, &["integer", "number"]) {
                Some(values) => values.iter().filter_map(|value| value.as_f64()).all(|value| {
                    let value = value * sign;
                    value < asked.value || !asked.exclusive && value <= asked.value
                }),
                None => written.is_some_and(|written| !wider(written, asked)),
            };
            if !fits {
                let told = if reader.get(strict).is_some_and(Value::is_number) { strict } else { keyword };
                let detail = format!("{} allows fewer numbers", self.direction.reader());
                self.change(writer, reader, told, detail);
            }
        }
        if let Some(asked) = reader.get("multipleOf").and_then(Value::as_f64) {
            let is_multiple = |value: f64| asked != 0.0 && (value / asked).fract() == 0.0;
            let written = writer.iter().filter_map(|place| place.get("multipleOf")?.as_f64()).any(is_multiple);
            let fits = match of_kind(writer, &["integer", "number"]) {
                Some(values) => values.iter().filter_map(|value| value.as_f64()).all(is_multiple),
                None => written || whole && is_multiple(1.0),
            };
            if !fits {
                self.change(writer, reader, "multipleOf", format!("{} allows only multiples", self.direction.reader()));
            }
        }
    }

    /// What the reader asks of strings.
    pub(super) fn strings<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) {
        let values = of_kind(writer, &["string"]);
        let lengths = values.as_ref().map_or(Counts::Between(0.0, None), |values| {
            Counts::Of(
                values.iter().filter_map(|value| value.as_str()).map(|text| text.chars().count() as f64).collect(),
            )
        });
        self.counts(writer, reader, ["minLength", "maxLength"], lengths);
        for keyword in ["pattern", "format", "contentEncoding", "contentMediaType"] {
            let Some(asked) = reader.get(keyword) else { continue };
            if writer.iter().any(|place| place.get(keyword) == Some(asked)) {
                continue;
            }
            let before = writer.iter().any(|place| place.get(keyword).is_some());
            if before || values.is_some() {
                self.undecided(writer, reader, keyword);
            } else {
                let detail = format!("{} allows only text of one `{keyword}`", self.direction.reader());
                self.change(writer, reader, keyword, detail);
            }
        }
    }

    /// A least and a largest count. `values`: the counts of the only values there are, or of some that are within them.
    pub(super) fn counts(
        &mut self,
        writer: &[Place<'_>],
        reader: &Place<'_>,
        [least, most]: [&str; 2],
        values: Counts,
    ) {
        for (keyword, sign) in [(least, -1.0), (most, 1.0)] {
            let Some(asked) = reader.get(keyword).and_then(Value::as_f64).map(|asked| asked * sign) else { continue };
            let implied = match &values {
                Counts::Between(least, most) => {
                    if sign < 0.0 {
                        Some(-least)
                    } else {
                        *most
                    }
                }
                Counts::Of(_) => None,
            };
            let mut written =
                writer.iter().filter_map(|place| place.get(keyword)?.as_f64()).map(|value| value * sign).chain(implied);
            let fits = match &values {
                Counts::Of(values) => values.iter().all(|value| value * sign <= asked),
                Counts::Between(..) => written.any(|value| value <= asked),
            };
            if !fits {
                let word =
                    if sign < 0.0 { "shorter or smaller values no more" } else { "no values this long or large" };
                self.change(writer, reader, keyword, format!("{} allows {word}", self.direction.reader()));
            }
        }
    }
}

/// A limit, multiplied by `sign`.
fn limit(place: &Place<'_>, keyword: &str, strict: &str, sign: f64) -> Option<Limit> {
    let inclusive = place.get(keyword).and_then(Value::as_f64);
    // Draft 4 writes `exclusiveMinimum: true` beside `minimum`.
    let flag = place.get(strict).and_then(Value::as_bool).unwrap_or_default();
    let exclusive = place.get(strict).and_then(Value::as_f64);
    let inclusive = inclusive.map(|value| Limit { value: value * sign, exclusive: flag });
    let exclusive = exclusive.map(|value| Limit { value: value * sign, exclusive: true });
    match (inclusive, exclusive) {
        (Some(a), Some(b)) => Some(if wider(a, b) { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// The same limit where only whole numbers are.
fn of_whole(Limit { value, exclusive }: Limit) -> Limit {
    Limit { value: if exclusive { value.ceil() - 1.0 } else { value.floor() }, exclusive: false }
}

fn wider(a: Limit, b: Limit) -> bool {
    a.value > b.value || a.value >= b.value && !a.exclusive && b.exclusive
}
