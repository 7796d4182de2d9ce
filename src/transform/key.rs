//! The attributes a key is filled from, without the rest of the work: lanes ask for the key of every event they take in,
//! long before they send it.

use super::template::Template;
use super::{Error, SetValue, Step, apply_one, finish, kind_for, rename};
use crate::cloudevents::Event;
use crate::cloudevents::attributes::Draft;
use crate::jq::Source;

/// The event with the attributes the steps leave, where only attributes matter: the data is not converted, and no program
/// runs.
pub fn attributes_of(steps: &[Step], event: &Event) -> Result<Event, Error> {
    steps.iter().try_fold(event.clone(), |changed, step| attributes_only(step, &changed))
}

/// The event with the attributes the key needs as the steps leave them. `None` when a step fails that it depends on.
/// Data is converted and programs run only if the key depends on what a program writes.
pub fn event_for(steps: &[Step], key: &Template, event: &Event) -> Option<Event> {
    let with_data = needs_programs(steps, key);
    let mut changed = event.clone();
    for (number, step) in (1..).zip(steps) {
        changed = if with_data {
            apply_one(step, number, &changed, event).ok()?
        } else {
            attributes_only(step, &changed).ok()?
        };
    }
    Some(changed)
}

/// True when an attribute of the key comes out of a program, directly or over other attributes.
fn needs_programs(steps: &[Step], key: &Template) -> bool {
    if !steps.iter().any(Step::runs_program) {
        return false;
    }
    let mut needed: Vec<&str> = key.attributes().collect();
    for step in steps.iter().rev() {
        match step {
            Step::Set(values) => {
                let (written, kept): (Vec<&str>, Vec<&str>) =
                    needed.iter().partition(|name| values.iter().any(|(set, _)| set == *name));
                needed = kept;
                for (_, value) in values.iter().filter(|(name, _)| written.contains(&&**name)) {
                    match value {
                        SetValue::Jq(_) => return true,
                        SetValue::Template(template) => needed.extend(template.attributes()),
                        SetValue::Boolean(_) | SetValue::Integer(_) => {}
                    }
                }
            }
            // What the new name had before may be there still, when there is nothing of the old name.
            Step::Rename(names) => {
                let olds = names.iter().filter(|(_, new)| needed.contains(&&**new)).map(|(old, _)| &**old);
                let olds: Vec<&str> = olds.collect();
                needed.extend(olds);
            }
            Step::Remove(_) | Step::Jq(_) | Step::Convert(_) => {}
        }
    }
    false
}

/// A step without its programs. What cannot be filled here is nothing the key depends on, or the whole event becomes a dead
/// letter.
fn attributes_only(step: &Step, event: &Event) -> Result<Event, Error> {
    let mut draft = Draft::edit(event, usize::MAX);
    match step {
        Step::Set(values) => {
            let source = Source::new(event);
            for (name, value) in values.iter().filter(|(_, value)| !matches!(value, SetValue::Jq(_))) {
                if let Ok((kind, text)) = value.fill(&source, name, 0) {
                    draft.set(name, kind_for(name, kind), &text);
                }
            }
        }
        Step::Remove(names) => names.iter().for_each(|name| draft.remove(name)),
        Step::Rename(names) => rename(names, event, &mut draft),
        Step::Jq(_) => draft.remove("dataschema"),
        Step::Convert(convert) => convert.mark(&mut draft),
    }
    finish(draft, event.data.clone(), 0)
}

#[cfg(test)]
mod tests {
    use super::{event_for, needs_programs};
    use crate::cloudevents::{Attributes, Data, Event};
    use crate::jq::{Limits, Program};
    use crate::transform::template::Template;
    use crate::transform::{SetValue, Step};

    fn event() -> Event {
        Event {
            id: "7".into(),
            source: "/shop".into(),
            ty: "t".into(),
            attributes: Attributes::default(),
            data: Data::Json(r#"{"customer": "ann", "region": "eu"}"#.into()),
        }
    }

    fn jq(text: &str) -> SetValue {
        SetValue::Jq(Program::compile(text, "r", Limits::default()).unwrap())
    }

    fn text(text: &str) -> SetValue {
        SetValue::Template(Template::parse(text).unwrap())
    }

    fn set(name: &str, value: SetValue) -> Step {
        Step::Set(vec![(name.into(), value)])
    }

    fn key(steps: &[Step], key: &str) -> (bool, Option<String>) {
        let key = Template::parse(key).unwrap();
        let event = event_for(steps, &key, &event());
        let filled = event.and_then(|event| key.fill(&event, |value, out| out.push_str(value)).ok());
        (needs_programs(steps, &key), filled)
    }

    #[test]
    fn programs_run_only_for_keys_that_depend_on_them() {
        let some = |text: &str| Some(text.to_owned());
        let customer = set("customer", jq(".customer"));
        assert_eq!(key(std::slice::from_ref(&customer), "{customer}"), (true, some("ann")));
        assert_eq!(key(std::slice::from_ref(&customer), "{id}"), (false, some("7")));
        let derived = [customer.clone(), set("partitionkey", text("{type}-{customer}"))];
        assert_eq!(key(&derived, "{partitionkey}"), (true, some("t-ann")));
        assert_eq!(key(&derived, "{source}"), (false, some("/shop")));
        let renamed = [customer.clone(), Step::Rename(vec![("customer".into(), "partitionkey".into())])];
        assert_eq!(key(&renamed, "{partitionkey}"), (true, some("ann")));
        let replaced = [customer, set("customer", text("fixed"))];
        assert_eq!(key(&replaced, "{customer}"), (false, some("fixed")));
    }

    #[test]
    fn data_steps_before_a_program_count() {
        let reshape = Step::Jq(Program::compile("{who: .customer}", "r", Limits::default()).unwrap());
        assert_eq!(key(&[reshape, set("customer", jq(".who"))], "{customer}").1, Some("ann".to_owned()));
        let failing = set("customer", jq("error(\"no\")"));
        assert_eq!(key(std::slice::from_ref(&failing), "{customer}"), (true, None));
        assert_eq!(key(&[failing], "{id}").1, Some("7".to_owned()));
    }
}
