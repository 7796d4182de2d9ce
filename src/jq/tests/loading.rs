//! Only programs that always end are loaded.

use super::{compile, run};

#[test]
fn what_need_not_end_is_refused_at_its_place() {
    for (text, offset, words) in [
        ("def f: f; f", 7, "recursive"),
        ("def f: 1, f; f", 10, "recursive"),
        (". as $x | def f(g): g | f(g); f(.)", 24, "recursive"),
        ("def a: def b: a; b; a", 14, "recursive"),
        ("def f($n): if $n > 0 then f($n - 1) else . end; f(3)", 26, "recursive"),
        ("[recurse(.a)]", 1, "`recurse`"),
        ("recurse(.a; . < 3)", 0, "`recurse`"),
        ("while(true; .)", 0, "`while`"),
        ("until(false; .)", 0, "`until`"),
        ("[limit(3; repeat(1))]", 10, "`repeat`"),
        ("first(repeat(1))", 6, "`repeat`"),
        ("combinations(3)", 0, "`combinations`"),
        ("[range(100001)]", 1, "`range`"),
        ("[range(length)]", 1, "`range`"),
        ("[range(0; .n)]", 1, "`range`"),
        ("[range(1, 2)]", 1, "`range`"),
        ("[range(0; 10; 0)]", 1, "`range`"),
        ("[range(0; 10; 0.00001)]", 1, "`range`"),
        ("[limit(5; range(1e9))]", 10, "`range`"),
        ("\"\\([range(1e9)])\"", 4, "`range`"),
        (". as {a: $x, (range(1e9)): $y} | 1", 14, "`range`"),
        ("input", 0, "`input`"),
        ("[inputs]", 1, "`inputs`"),
        ("env.HOME", 0, "`env`"),
        ("$ENV.HOME", 0, "`$ENV`"),
        ("halt", 0, "`halt`"),
        ("halt_error(1)", 0, "`halt_error`"),
        ("import \"a\" as a; .", 0, "`import`"),
        ("include \"a\"; .", 0, "`include`"),
    ] {
        let refusal = compile(text).err().unwrap_or_else(|| panic!("`{text}` was loaded"));
        assert_eq!(refusal.offset, offset, "{text}: {refusal:?}");
        assert!(refusal.message.contains(words) && refusal.hint.is_some(), "{text}: {refusal:?}");
    }
}

#[test]
fn what_always_ends_is_loaded() {
    for (text, data, expected) in [
        ("def double: . * 2; double", "4", "8"),
        ("def f: 1; def g: def f: 2; f; [f, g]", "0", "[1,2]"),
        ("def range(f): [f]; range(.)", "5", "[5]"),
        ("def repeat: 7; repeat", "0", "7"),
        ("def twice(f): f | f; twice(twice(. + 1))", "0", "4"),
        ("def both($a; b): [$a, b]; both(1; 2)", "0", "[1,2]"),
        ("[..]", "[[1]]", "[[[1]],[1],1]"),
        ("[recurse]", "[1]", "[[1],1]"),
        ("walk(if type == \"number\" then . + 1 else . end)", "[1,{\"a\":2}]", "[2,{\"a\":3}]"),
        ("[range(3)]", "0", "[0,1,2]"),
        ("[range(2; -2; -1)]", "0", "[2,1,0,-1]"),
        ("[range(0; 100000)] | length", "0", "100000"),
        ("[limit(2; .[])]", "[1,2,3]", "[1,2]"),
        ("first(range(10))", "0", "0"),
        ("reduce .[] as $x (0; . + $x)", "[1,2]", "3"),
        ("[foreach .[] as $x (0; . + $x)]", "[1,2]", "[1,3]"),
        ("label $out | foreach .[] as $x (0; . + $x; if . > 2 then ., break $out else empty end)", "[1,2,3]", "3"),
        ("[.[] | splits(\", *\")]", "[\"a, b\"]", "[\"a\",\"b\"]"),
        ("[combinations]", "[[1,2],[3]]", "[[1,3],[2,3]]"),
        ("[paths]", "{\"a\":[1]}", "[[\"a\"],[\"a\",0]]"),
        ("debug | stderr | 1", "0", "1"),
        ("ltrimstr(\"a\")", "\"ab\"", "\"b\""),
        ("getpath([\"a\", \"b\"])", "{\"a\":{\"b\":1}}", "1"),
        ("try error(\"x\") catch .", "0", "\"x\""),
        ("@base64d", "\"YWI=\"", "\"ab\""),
        ("now | type", "0", "\"number\""),
    ] {
        assert_eq!(run(text, data), expected, "{text}");
    }
}

#[test]
fn faults_are_told_at_their_place_with_a_hint() {
    for (text, offset, message, hint) in [
        ("", 0, "empty", "`.`"),
        ("  ", 0, "empty", "`.`"),
        (".total = ", 8, "the program ends", ""),
        (".a == 'x'", 6, "`'` has no meaning", "double quotes"),
        (".a && .b", 3, "`&` has no meaning", "`and`"),
        (".total > 0 | lenght", 13, "there is no function `lenght`", "did you mean `length`?"),
        ("length(1)", 0, "there is no function `length` with 1", "another number"),
        (".a == $x", 6, "there is no variable `$x`", "$event"),
        ("if . then 1", 11, "the program ends", ""),
        ("[1, 2", 5, "closing bracket", ""),
        ("\"abc", 4, "closing quote", ""),
        (".a |", 4, "the program ends", ""),
        ("1 2", 2, "found `2`", ""),
        ("break $x", 6, "there is no label", ""),
    ] {
        let refusal = compile(text).err().unwrap_or_else(|| panic!("`{text}` was loaded"));
        assert_eq!(refusal.offset, offset, "{text}: {refusal:?}");
        assert!(refusal.message.contains(message), "{text}: {refusal:?}");
        assert!(refusal.hint.unwrap_or_default().contains(hint), "{text}");
    }
}

#[test]
fn deep_and_long_texts_are_refused_and_never_overflow_the_stack() {
    let many = |text: &str, times: usize| text.repeat(times);
    for text in [
        many("[", 8_000),
        many("[", 4_000) + &many("]", 4_000),
        many("-", 8_000) + "1",
        many("- ", 4_000) + "1",
        "1".to_owned() + &many("+1", 4_000),
        ".".to_owned() + &many("|.", 4_000),
        ".".to_owned() + &many(",.", 4_000),
        many(". as $x|", 1_500) + ".",
        many("def f: ", 1_500) + "1",
        many("if ", 3_000),
        many("try ", 3_000) + ".",
        many("{a:", 3_000) + "1" + &many("}", 3_000),
        many("\"\\(", 2_500) + "1" + &many(")\"", 2_500),
        ".".to_owned() + &many("a?", 4_000),
        many(".a", 4_000),
        many(".[0]", 3_000),
        many("reduce ", 2_000),
        many("x", 20_000),
    ] {
        assert!(compile(&text).is_err(), "{}", &text[..20]);
    }
    // Brackets that only group leave nothing behind.
    assert!(compile(&(many("(", 4_000) + "." + &many(")", 4_000))).is_ok());
    let define = |n: usize| format!("def f{n}: f{} | f{};", n - 1, n - 1);
    let definitions = (1..60).map(define).collect::<Vec<_>>().concat();
    assert!(compile(&format!("def f0: .; {definitions} f59")).is_ok());
}

#[test]
fn as_deep_as_allowed_runs_on_a_small_stack() {
    let deep = |text: String| {
        std::thread::Builder::new().stack_size(2 << 20).spawn(move || run(&text, "1")).unwrap().join().unwrap()
    };
    assert_eq!(deep("1".to_owned() + &"+1".repeat(900)), "901");
    assert_eq!(deep(".".to_owned() + &"|.".repeat(900)), "1");
    assert_eq!(deep("[".repeat(400) + "1" + &"]".repeat(400)).len(), 801);
    assert_eq!(
        deep("[".repeat(900) + "1" + &"]".repeat(900)),
        "the program makes values that nest deeper than 512 levels"
    );
    // The deepest that still runs on the thread of its caller.
    assert_eq!(deep("1".to_owned() + &"+1".repeat(38)), "39");
    assert_eq!(deep("[".repeat(38) + "1" + &"]".repeat(38)).len(), 77);
    assert_eq!(deep(".".to_owned() + &"|.".repeat(38)), "1");
    assert_eq!(deep("[".to_owned() + &vec!["1"; 900].join(",") + "] | length"), "900");
    assert_eq!(
        deep("map(".repeat(90) + "1" + &")".repeat(90)),
        "cannot use 1 as array or object".replace("cannot", "the program failed: cannot")
    );
    let define = |n: usize| format!("def f{n}: f{};", n - 1);
    let definitions = (1..400).map(define).collect::<Vec<_>>().concat();
    assert_eq!(deep(format!("def f0: . + 1; {definitions} f399")), "2");
}

/// A program is compiled with the definitions of the library it may need, and those are all it needs.
#[test]
fn every_definition_of_the_library_finds_what_it_is_made_of() {
    use crate::jq::natives::{self, Data};
    use jaq_core::Compiler;
    use jaq_core::load::{Arena, File, Loader};
    for definition in natives::definitions() {
        let arguments = vec!["."; definition.args.len()].join("; ");
        let text =
            if arguments.is_empty() { definition.name.to_owned() } else { format!("{}({arguments})", definition.name) };
        let some = natives::definitions_for(&text);
        assert!(some.iter().any(|known| known.name == definition.name) && some.len() < 60, "{text}: {}", some.len());
        let arena = Arena::default();
        let modules =
            Loader::new(some).load(&arena, File { code: &*text, path: () }).map_err(|_| "not loaded").unwrap();
        let compiler = Compiler::<_, Data>::default().with_funs(natives::functions()).with_global_vars(["$event"]);
        assert!(compiler.compile(modules).is_ok(), "{text}");
    }
    assert!(natives::definitions_for(".a == 5 and .b").is_empty());
}
