//! Predicates, transforms, attributes; and runs that are ended.

use super::super::Scalar;
use super::{Failure, Limits, Program, Source, Verdict, compile, event, run};
use crate::cloudevents::{Data, Event};
use crate::units::{Size, Span};
use std::time::{Duration, Instant};

fn holds(text: &str, data: &str) -> Result<bool, String> {
    let event = event(data);
    compile(text).unwrap().holds(&Source::new(&event)).map_err(|verdict| verdict.to_string())
}

#[test]
fn a_predicate_is_exactly_one_true() {
    assert_eq!(holds(".total > 0", r#"{"total": 1}"#), Ok(true));
    assert_eq!(holds(".total > 0", r#"{"total": 0}"#), Ok(false));
    for (text, told) in [
        ("1", "the output is 1, not true"),
        ("\"true\"", "the output is \"true\", not true"),
        ("null", "the output is null, not true"),
        ("empty", "the program has no output, and one is needed"),
        ("true, true", "the program has several outputs, and one is needed"),
        ("true, error(\"x\")", "the program failed: x"),
        ("error(\"no\")", "the program failed: no"),
        (".a.b", "the program failed: cannot index 1 with \"b\""),
    ] {
        assert_eq!(holds(text, r#"{"a": 1}"#), Err(told.to_owned()), "{text}");
    }
}

#[test]
fn attributes_stand_in_a_variable_with_their_types() {
    assert_eq!(
        run("$event", "0"),
        r#"{"specversion":"1.0","id":"7","source":"/shop","type":"com.example.order","count":3,"express":true}"#
    );
    assert_eq!(run("def f: $event.count + 1; f", "0"), "4");
    assert_eq!(holds("$event.express", "0"), Ok(true));
    assert_eq!(run("$event.missing", "0"), "null");
}

#[test]
fn without_json_data_there_is_no_run() {
    let program = compile("true").unwrap();
    let told = |event: &Event| program.holds(&Source::new(event)).unwrap_err().to_string();
    let json = event("{}");
    let with = |data| Event { data, ..json.clone() };
    assert_eq!(told(&with(Data::Absent)), "the event has no data");
    assert_eq!(told(&with(Data::Binary("1".into()))), "the data has no media type");
    assert_eq!(told(&with(Data::Xml("<a/>".into()))), "the data is not JSON but `application/xml`");
    assert!(told(&with(Data::Json("{".into()))).starts_with("the data is not JSON: "));
    assert!(told(&with(Data::Json("NaN".into()))).starts_with("the data is not JSON: "));
    assert!(told(&with(Data::Json("[1] # x".into()))).starts_with("the data is not JSON: "));
    assert!(told(&with(Data::Json("[".repeat(100_000).into()))).contains("too deep"));
}

#[test]
fn input_and_output_have_a_cap() {
    let limits = Limits { bytes: Size(20), ..Limits::default() };
    let program = |text| Program::compile(text, "r", limits).unwrap();
    let (small, large) = (event("\"1234567890\""), event("\"12345678901234567890\""));
    let told = "the data has 22 bytes, more than limits.jq_bytes (20B)";
    assert_eq!(program(".").data(&Source::new(&large)).unwrap_err().to_string(), told);
    assert_eq!(program(".").data(&Source::new(&small)), Ok("\"1234567890\"".to_owned()));
    assert_eq!(program("[., .]").data(&Source::new(&small)), Err(Failure::TooLarge(Size(20))));
    assert!(matches!(program("true").holds(&Source::new(&large)), Err(Verdict::Failure(_))));
}

#[test]
fn attributes_take_three_types() {
    let event = event(r#"{"text": "x", "yes": true, "number": -5, "long": 2147483648, "part": 1.5, "exact": 2.0}"#);
    let scalar = |text| compile(text).unwrap().scalar(&Source::new(&event));
    assert_eq!(scalar(".text"), Ok(Ok(Scalar::String("x".into()))));
    assert_eq!(scalar(".yes"), Ok(Ok(Scalar::Boolean(true))));
    assert_eq!(scalar(".number"), Ok(Ok(Scalar::Integer(-5))));
    assert_eq!(scalar("10 / 2"), Ok(Ok(Scalar::Integer(5))));
    for (text, shown) in
        [(".long", "2147483648"), (".part", "1.5"), (".exact", "2.0"), ("null", "null"), ("[1]", "[1]")]
    {
        assert_eq!(scalar(text), Ok(Err(shown.to_owned())), "{text}");
    }
    assert_eq!(scalar("empty"), Err(Failure::NoOutput));
    assert_eq!(scalar(".text, .text"), Err(Failure::SeveralOutputs));
}

#[test]
fn products_and_bombs_are_ended() {
    let limit = Duration::from_mins(1);
    let items = format!("[{}]", vec!["1"; 10_000].join(","));
    for (text, told) in [
        ("[range(100000) | range(100000)] | length", "the program "),
        ("last(range(100000) | range(100000) | range(100000))", "steps"),
        (".[] as $a | .[] as $b | .[] as $c | empty", "steps"),
        ("def a: .,.; def b: a|a; def c: b|b; def d: c|c; def e: d|d; def f: e|e; last(f)", "steps"),
        ("reduce range(64) as $i (\"x\"; . + .)", "MiB"),
        ("reduce range(64) as $i ([1]; . + .)", "the program "),
        ("reduce range(64) as $i (1; [., .]) | tojson | length", "the program "),
        ("reduce range(100000) as $i (\"\"; . + \"a text of some forty characters, each time\")", "steps"),
        ("\"x\" * 1000000000", "MiB"),
        ("\"x\" * 100000000000000000000000", "MiB"),
        ("reduce range(100000) as $i (7; . * .)", "MiB"),
        ("reduce range(100000) as $i (0; [.])", "512 levels"),
        ("reduce range(100000) as $i (0; {a: .})", "512 levels"),
        ("reduce range(100000) as $i ([0]; .[0] = [.])", "512 levels"),
        ("reduce range(64) as $i (1; [., .]) | . == .", "steps"),
        ("[combinations]", "cannot use 1"),
        ("[.[:40][] | [1, 2]] | [combinations] | length", ""),
        ("try (\"x\" * 1000000000) catch 1", "MiB"),
        ("[limit(1000000000; range(100000) | range(100000))]", "the program "),
    ] {
        let started = Instant::now();
        let found = run(text, &items);
        assert!(found.contains(told) && !found.starts_with('['), "{text}: {found}");
        assert!(started.elapsed() < limit, "{text}: {:?}", started.elapsed());
    }
    assert_eq!(run(".[999999999] = 1", "[1]"), "the program failed: index 999999999 out of bounds");
    assert_eq!(run("setpath([1000000000]; 1)", "[1]"), "the program failed: index 1000000000 out of bounds");
    assert!(run("fromjson", &format!("\"{}\"", "[".repeat(100_000))).contains("too deep"));
}

#[test]
fn a_run_that_was_ended_leaves_nothing_behind() {
    assert!(run("\"x\" * 1000000000", "0").contains("MiB"));
    assert_eq!(run("[range(1000)] | add", "0"), "499500");
}

#[test]
fn ten_programs_read_the_data_once() {
    let event = event(&format!("[{}]", vec!["12345"; 1000].join(",")));
    let source = Source::new(&event);
    let first = compile("length == 1000").unwrap();
    let measure = || allocation_counter::measure(|| assert_eq!(first.holds(&source), Ok(true))).count_total;
    let (cold, warm) = (measure(), measure());
    assert!(warm < cold, "{warm} allocations, {cold} before");
}

#[test]
fn a_slow_run_is_still_a_result() {
    let limits = Limits { time: Span(Duration::ZERO), ..Limits::default() };
    let slow = Program::compile(". == 1", "r", limits).unwrap();
    assert_eq!(slow.holds(&Source::new(&event("1"))), Ok(true));
}
