//! Values as jq has them: arithmetic, order, slices, updates; and text that nobody touched.

use super::run;

fn check(cases: &[(&str, &str, &str)]) {
    let differ = |(text, data, expected): &(&str, &str, &str)| {
        let found = run(text, data);
        (found != *expected).then(|| format!("{data} | {text}: {found}, not {expected}"))
    };
    let differences: Vec<String> = cases.iter().filter_map(differ).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn untouched_numbers_and_orders_stay_as_they_came() {
    check(&[
        (
            ".",
            "{\"z\": 1.10, \"a\": 1e400, \"m\": 123456789012345678901234567890, \"n\": -0}",
            "{\"z\":1.10,\"a\":1e400,\"m\":123456789012345678901234567890,\"n\":-0}",
        ),
        ("{b, a}", "{\"a\": 1.0, \"b\": 2E3, \"c\": 0}", "{\"b\":2E3,\"a\":1.0}"),
        (".a", "{\"a\": 1, \"a\": 2}", "2"),
        (".", "\"\\u00e4\\ud83d\\ude00\\u0001\\n\\/\"", "\"ä😀\\u0001\\n/\""),
        ("{(.k): 1, \"x y\": 2}", "{\"k\": \"a\\\"b\"}", "{\"a\\\"b\":1,\"x y\":2}"),
        (". + 1", "123456789012345678901234567890", "123456789012345678901234567891"),
        (". == 1.0", "1", "true"),
    ]);
    let long = "9".repeat(5000);
    check(&[(".", &long, &long)]);
}

#[test]
fn arithmetic_is_that_of_jq() {
    check(&[
        ("1 + 2 * 3 - 4", "0", "3"),
        ("7 % 3, -7 % 3 | [.] | .[0]", "0", "the program has several outputs, and one is needed"),
        ("[7 % 3, -7 % 3]", "0", "[1,-1]"),
        ("1 / 0", "0", "1.7976931348623157e308"),
        ("nan", "0", "null"),
        ("1 % 0", "0", "the program failed: cannot calculate 1 % 0"),
        ("null + 1", "0", "1"),
        ("\"a\" + \"b\"", "0", "\"ab\""),
        ("\"ab\" * 2", "0", "\"abab\""),
        ("\"ab\" * 0", "0", "null"),
        ("[1, 2, 1] - [1]", "0", "[2]"),
        ("{a: 1} + {a: 2, b: 3}", "0", "{\"a\":2,\"b\":3}"),
        ("{a: {x: 1, y: 2}} * {a: {y: 3}}", "0", "{\"a\":{\"x\":1,\"y\":3}}"),
        ("\"a,b\" / \",\"", "0", "[\"a\",\"b\"]"),
        ("\"äb\" / \"\"", "0", "[\"ä\",\"b\"]"),
        ("-(.a)", "{\"a\": 1.5}", "-1.5"),
        ("1 + \"a\"", "0", "the program failed: cannot calculate 1 + \"a\""),
        ("[.[] | floor]", "[1.5, -1.5, 3]", "[1,-2,3]"),
        ("add / length", "[1, 2, 3]", "2.0"),
    ]);
}

#[test]
fn order_and_search_are_those_of_jq() {
    check(&[
        ("sort", "[{}, [], \"a\", 1, true, false, null]", "[null,false,true,1,\"a\",[],{}]"),
        ("sort", "[{\"b\":1},{\"a\":2},{\"a\":1}]", "[{\"a\":1},{\"a\":2},{\"b\":1}]"),
        ("sort_by(.n) | map(.n)", "[{\"n\":2},{\"n\":1}]", "[1,2]"),
        ("group_by(.n) | map(length)", "[{\"n\":2},{\"n\":1},{\"n\":2}]", "[1,2]"),
        ("unique", "[2, 1, 2]", "[1,2]"),
        ("[min, max]", "[2, 1, 3]", "[1,3]"),
        ("[index(\"b\"), rindex(\"b\"), indices(\"b\")]", "\"äbab\"", "[1,3,[1,3]]"),
        ("indices([1, 2])", "[0, 1, 2, 1, 2]", "[1,3]"),
        ("indices(1)", "[0, 1, 2, 1]", "[1,3]"),
        ("bsearch(2), bsearch(9) | tostring", "[1, 2, 3]", "the program has several outputs, and one is needed"),
        ("[bsearch(2), bsearch(9)]", "[1, 2, 3]", "[1,-4]"),
        ("[contains({a: [1]}), contains({a: [9]})]", "{\"a\":[1,2],\"b\":3}", "[true,false]"),
        ("inside({a: 1, b: 2})", "{\"a\":1}", "true"),
        ("[has(\"a\"), has(\"x\")]", "{\"a\":null}", "[true,false]"),
        ("[has(0), has(5)]", "[1]", "[true,false]"),
        ("[.[] | length]", "[null, -5, \"äb\", [1], {\"a\":1}]", "[0,5,2,1,1]"),
    ]);
}

#[test]
fn paths_slices_and_updates_are_those_of_jq() {
    check(&[
        (".a.b.c", "{\"a\":null}", "null"),
        ("[.[1], .[-1], .[9]]", "[1,2,3]", "[2,3,null]"),
        ("[.[1:], .[:-1], .[1:2]]", "[1,2,3]", "[[2,3],[1,2],[2]]"),
        ("[.[1:], .[-1:]]", "\"äöü\"", "[\"öü\",\"ü\"]"),
        (".[1:2] = [8, 9]", "[1,2,3]", "[1,8,9,3]"),
        (".[0:1] |= \"x\"", "\"äö\"", "\"xö\""),
        (".a |= . + 1 | .b = 2", "{\"a\":1}", "{\"a\":2,\"b\":2}"),
        ("del(.a)", "{\"a\":1,\"b\":2,\"c\":3}", "{\"b\":2,\"c\":3}"),
        ("del(.[0])", "[1,2]", "[2]"),
        ("map_values(. + 1)", "{\"a\":1}", "{\"a\":2}"),
        ("[.[] |= . + 1] | .[0]", "[1,2]", "[2,3]"),
        ("to_entries | from_entries", "{\"a\":1}", "{\"a\":1}"),
        ("with_entries(.value += 1)", "{\"a\":1}", "{\"a\":2}"),
        ("[keys, keys_unsorted]", "{\"b\":1,\"a\":2}", "[[\"a\",\"b\"],[\"b\",\"a\"]]"),
        ("flatten", "[1,[2,[3]]]", "[1,2,3]"),
        ("{(1): 2}", "0", "the program failed: cannot use 1 as the name of a member"),
        (".[\"a\"]?", "1", "the program has no output, and one is needed"),
        ("tojson, 1 | tojson", "1", "the program has several outputs, and one is needed"),
        ("[tojson, (tojson | fromjson)]", "{\"a\":[1.50]}", "[\"{\\\"a\\\":[1.50]}\",{\"a\":[1.50]}]"),
        ("[.[] | tostring]", "[1, \"a\", [1]]", "[\"1\",\"a\",\"[1]\"]"),
        ("\"\\(.a)-\\(.b)\"", "{\"a\":1,\"b\":\"x\"}", "\"1-x\""),
        ("[.[] | tonumber]", "[\"1.5\", 2]", "[1.5,2]"),
        ("test(\"^a.c$\")", "\"abc\"", "true"),
        ("gsub(\"b\"; \"x\")", "\"abcb\"", "\"axcx\""),
        ("[match(\"b\").offset]", "\"äb\"", "[1]"),
        ("fromdateiso8601 | todateiso8601", "\"2020-01-01T00:00:00Z\"", "\"2020-01-01T00:00:00Z\""),
        ("@uri \"a=\\(.)\"", "\"ä b\"", "\"a=%C3%A4%20b\""),
        ("[explode, (explode | implode)]", "\"aä\"", "[[97,228],\"aä\"]"),
        ("[splits(\"b\")]", "\"abc\"", "[\"a\",\"c\"]"),
        ("ascii_upcase", "\"ab\"", "\"AB\""),
        ("[limit(1; .[])] + [first, last]", "[1,2]", "[1,1,2]"),
        ("[.[] as [$a, {b: $c}] | $a + $c]", "[[1,{\"b\":2}]]", "[3]"),
        (".a // \"none\"", "{}", "\"none\""),
        ("if . > 1 then \"a\" elif . > 0 then \"b\" else \"c\" end", "1", "\"b\""),
        ("[.[] | select(type == \"string\")]", "[1,\"a\"]", "[\"a\"]"),
        ("any(. > 2), all(. > 0) | [.] | .[0]", "[1]", "the program has several outputs, and one is needed"),
        ("transpose", "[[1,2],[3]]", "[[1,3],[2,null]]"),
    ]);
}
