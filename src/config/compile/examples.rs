//! For the codes of what operators write: what is wrong, and the same made right. `signalbox explain-code` shows them.

use crate::codes::Code;

/// A pair of route files, whole but short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    /// Answered with the code.
    pub wrong: &'static str,
    /// Taken without any problem.
    pub right: &'static str,
}

/// The example of a code, where it has one.
pub fn of(code: Code) -> Option<Example> {
    EXAMPLES.iter().find(|(of, ..)| *of == code).map(|(_, wrong, right)| Example { wrong, right })
}

macro_rules! route {
    ($($line:literal)*) => {
        concat!("routes:\n  - name: orders\n", $("    ", $line, "\n",)*)
    };
}

const EXAMPLES: [(Code, &str, &str); 22] = [
    (
        Code::YamlSyntax,
        "routes:\n  - name: orders\n   deliver: [{destination: log, stream: orders}]\n",
        "routes:\n  - name: orders\n    deliver: [{destination: log, stream: orders}]\n",
    ),
    (
        Code::UnknownKey,
        route!("delivr: [{destination: log, stream: orders}]"),
        route!("deliver: [{destination: log, stream: orders}]"),
    ),
    (
        Code::BadValue,
        route!("retry: {initial: 5 seconds}" "deliver: [{destination: log, stream: orders}]"),
        route!("retry: {initial: 5s}" "deliver: [{destination: log, stream: orders}]"),
    ),
    (
        Code::MissingKey,
        route!("deliver: [{destination: log}]"),
        route!("deliver: [{destination: log, stream: orders}]"),
    ),
    (
        Code::Interpolation,
        route!("deliver: [{destination: log, stream: \"${env:STREAM_NAME}\"}]"),
        route!("deliver: [{destination: log, stream: \"${env:STREAM_NAME:-orders}\"}]"),
    ),
    (
        Code::DuplicateName,
        route!("deliver:" "  - {destination: log, stream: a}" "  - {destination: log, stream: b}"),
        route!("deliver:" "  - {destination: log, stream: a}" "  - {destination: log, name: second, stream: b}"),
    ),
    (
        Code::UnknownReference,
        concat!("destinations: [{name: nowhere, discard: {}}]\n", route!("deliver: [{destination: nowere}]")),
        concat!("destinations: [{name: nowhere, discard: {}}]\n", route!("deliver: [{destination: nowhere}]")),
    ),
    (
        Code::BadTemplate,
        route!("deliver: [{destination: log, stream: orders, key: \"{Subject}\"}]"),
        route!("deliver: [{destination: log, stream: orders, key: \"{subject:-none}\"}]"),
    ),
    (
        Code::BadFilter,
        route!("filters: [{type: com.example.order}]" "deliver: [{destination: log, stream: orders}]"),
        route!("filters: [{exact: {type: com.example.order}}]" "deliver: [{destination: log, stream: orders}]"),
    ),
    (
        Code::BadTransform,
        route!("transform: [{remove: [type]}]" "deliver: [{destination: log, stream: orders}]"),
        route!("transform: [{set: {type: com.example.order.v2}}]" "deliver: [{destination: log, stream: orders}]"),
    ),
    (
        Code::DuplicateKey,
        route!("deliver: [{destination: log, stream: a}]" "deliver: [{destination: log, stream: b}]"),
        route!("deliver: [{destination: log, stream: a}, {destination: log, name: b, stream: b}]"),
    ),
    (
        Code::BadConversion,
        "conversions:\n  - {name: order-xml, root: order, attributes: [id]}\n",
        "conversions:\n  - {name: order-xml, root: order, attributes: [/id]}\n",
    ),
    (
        Code::BadExpression,
        route!("filters: [{sql: \"type == 'a' && EXISTS region\"}]" "deliver: [{destination: log, stream: orders}]"),
        route!("filters: [{sql: \"type = 'a' AND EXISTS region\"}]" "deliver: [{destination: log, stream: orders}]"),
    ),
    (
        Code::QuestionableExpression,
        route!("filters: [{sql: \"NOT type = 'a'\"}]" "deliver: [{destination: log, stream: orders}]"),
        route!("filters: [{sql: \"NOT (type = 'a')\"}]" "deliver: [{destination: log, stream: orders}]"),
    ),
    (
        Code::BadProgram,
        route!("filters: [{jq: \"total > 100\"}]" "deliver: [{destination: log, stream: orders}]"),
        route!("filters: [{jq: \".total > 100\"}]" "deliver: [{destination: log, stream: orders}]"),
    ),
    (
        Code::BadSplit,
        route!("split:" "  - {weight: 0, deliver: [{destination: log, stream: a}]}"),
        route!(
            "split:"
            "  - {weight: 95, deliver: [{destination: log, stream: a}]}"
            "  - {weight: 5, deliver: [{destination: log, name: canary, stream: b}]}"
        ),
    ),
    (
        Code::BadShadow,
        route!("shadow: {of: orders}" "deliver: [{destination: log, stream: orders}]"),
        concat!(
            route!("deliver: [{destination: log, stream: orders}]"),
            "  - name: orders-next\n    shadow: {of: orders}\n    deliver: [{destination: log, stream: orders}]\n"
        ),
    ),
    (
        Code::BadTest,
        concat!(
            "tests:\n  - name: an order\n    event: {specversion: \"1.0\", id: \"1\", source: /s, type: t}\n",
            "    expect: {rejected: 422, pointers: [data/total]}\n"
        ),
        concat!(
            "tests:\n  - name: an order\n    event: {specversion: \"1.0\", id: \"1\", source: /s, type: t}\n",
            "    expect: {rejected: 422, pointers: [/data/total]}\n"
        ),
    ),
    (
        Code::NeverTrue,
        route!("filters: [{exact: {type: a}}, {exact: {type: b}}]" "deliver: [{destination: log, stream: orders}]"),
        route!("filters: [{any: [{exact: {type: a}}, {exact: {type: b}}]}]" "deliver: [{destination: log, stream: orders}]"),
    ),
    (
        Code::UnreachableRoute,
        concat!(
            route!("first_match: g" "deliver: [{destination: log, stream: all}]"),
            "  - name: eu\n    first_match: g\n    filters: [{exact: {region: eu}}]\n",
            "    deliver: [{destination: log, stream: eu}]\n"
        ),
        concat!(
            "routes:\n  - name: eu\n    first_match: g\n    filters: [{exact: {region: eu}}]\n",
            "    deliver: [{destination: log, stream: eu}]\n",
            "  - name: orders\n    first_match: g\n    deliver: [{destination: log, stream: all}]\n"
        ),
    ),
    (
        Code::ShadowedDefault,
        concat!(
            route!("deliver: [{destination: log, stream: orders}]"),
            "  - {name: rest, default: true, deliver: [{destination: log, stream: rest}]}\n"
        ),
        concat!(
            route!("filters: [{prefix: {type: com.example.order.}}]" "deliver: [{destination: log, stream: orders}]"),
            "  - {name: rest, default: true, deliver: [{destination: log, stream: rest}]}\n"
        ),
    ),
    (
        Code::LeavesPrefix,
        concat!(
            "destinations: [{name: nats, nats: {servers: [\"nats://localhost\"]}}]\n",
            route!("deliver: [{destination: nats, subject: \"{type}\"}]")
        ),
        concat!(
            "destinations: [{name: nats, nats: {servers: [\"nats://localhost\"]}}]\n",
            route!("deliver: [{destination: nats, subject: \"orders.{type}\"}]")
        ),
    ),
];

#[cfg(test)]
mod tests {
    use super::EXAMPLES;
    use crate::config::compile::tests::compile_files;

    #[test]
    fn what_is_wrong_has_the_code_and_what_is_right_has_none() {
        for (code, wrong, right) in EXAMPLES {
            let told = |text: &str| match compile_files(&[("case.yaml", text)]) {
                Ok(compiled) => compiled.warnings,
                Err(problems) => problems,
            };
            let problems = told(wrong);
            assert!(problems.len() == 1 && problems[0].code == code, "{code}\n{wrong}{problems:?}");
            assert!(problems[0].hint.is_some(), "{problems:?}");
            assert!(told(right).is_empty(), "{code}\n{right}{:?}", told(right));
        }
    }
}
