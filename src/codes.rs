//! Every stable error code with its title and help: the one list behind problem documents, reload reports,
//! dead letters and `signalbox explain-code`.

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $title:literal, $help:literal;)*) => {
        /// A stable code. Its number never changes its meaning; codes are never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $(#[doc = $title] $name,)* }

        impl Code {
            /// Every code, in order of number.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The number behind `SB-`.
            pub const fn number(self) -> u16 {
                match self { $(Code::$name => $number,)* }
            }

            /// One line: what is wrong.
            pub const fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* }
            }

            /// What it means and what to do about it.
            pub const fn help(self) -> &'static str {
                match self { $(Code::$name => $help,)* }
            }
        }
    };
}

codes! {
    // 10xx: the request or the event was refused
    NotAnEvent = 1001, "not a CloudEvent",
        "The request holds no CloudEvent. Send Content-Type application/cloudevents+json, +xml, +protobuf or +avro (structured), application/cloudevents-batch+json, +xml or +protobuf (batched), or the four headers ce-id, ce-source, ce-specversion and ce-type (binary).";
    Malformed = 1002, "the event cannot be read",
        "The body is not a well-formed document of its event format: broken JSON or XML, a Protobuf message or Avro datum that ends too early, goes on behind its end or claims what is not there, text that is not UTF-8, a DOCTYPE, nesting deeper than limits.json_depth or limits.xml_depth, or a member that stands twice. Nothing was stored.";
    InvalidEvent = 1003, "the event is not valid",
        "An attribute is missing, empty or not of its type. Every violation is listed in errors with a JSON Pointer into the event's JSON form. Nothing was stored.";
    UnknownMediaType = 1004, "media type not supported",
        "The Content-Type names a CloudEvents format this gateway does not read (it reads json, xml, protobuf and avro, and batches in the first three), or the body is text in another encoding than UTF-8.";
    UnknownEncoding = 1005, "content encoding not supported",
        "Content-Encoding may be one layer of gzip, x-gzip, zstd or identity.";
    BrokenEncoding = 1006, "the compressed body is broken",
        "The body is not a complete stream of its Content-Encoding.";
    BrokenRequest = 1007, "the request is not valid HTTP",
        "The request breaks the rules of HTTP; the connection is closed.";
    BodyTooLarge = 1010, "the body is too large",
        "The body, after decompression, is larger than limits.body_bytes.";
    EventTooLarge = 1011, "the event is too large",
        "One event is larger than limits.event_bytes. Raise the limit or move large data elsewhere (dataref).";
    BatchTooLong = 1012, "the batch holds too many events",
        "The batch holds more events than limits.batch_events.";
    RequestTimeout = 1013, "the request was too slow",
        "The request did not arrive within limits.request_timeout. Nothing was stored.";
    MethodNotAllowed = 1014, "method not allowed",
        "Events are sent with POST; the Allow header names what this path takes.";
    NotFound = 1015, "no such path or resource",
        "Events are sent to / or /events. On the admin listener: nothing is known by that name or position.";
    SchemaViolation = 1020, "the data breaks its schema",
        "The event's data does not fit the schema that governs its type. Every violation is listed with a JSON Pointer. Nothing was stored.";
    UnknownSchema = 1021, "the dataschema is not known",
        "The event's type is governed by schemas/<type>/, and its dataschema names no version there.";
    UngovernedType = 1022, "the type has no schema",
        "validation.unknown_type is reject, and schemas/ has no folder for the event's type.";
    WrongDataKind = 1023, "the data is missing or of another kind than its schema",
        "The event's type is governed by a schema, but the event has no data or data of another media type.";
    Unmatched = 1024, "no route matches",
        "The listener says unmatched: reject, and no route takes this event.";
    Overloaded = 1030, "overloaded, try again later",
        "More requests are waiting than the gateway may hold. Nothing was stored; send again after Retry-After.";
    LogFull = 1031, "the log is full",
        "The log has reached log.max_bytes and holds only events that are not settled yet. The detail names the lane that holds them. Nothing was stored; send again after Retry-After.";
    Draining = 1032, "shutting down",
        "The gateway is shutting down and takes no new events. Send again after Retry-After; another instance may answer.";
    Internal = 1033, "internal error",
        "The gateway failed while it handled the request. It is not known whether the event was stored: send it again with the same id.";
    ForbiddenHost = 1034, "host or origin not allowed",
        "The admin listener answers only requests whose Host and Origin name its own address.";
    BadQuery = 1035, "a query value is not valid",
        "A query parameter has a value that cannot be read; the detail says which and what was expected.";
    NotTaken = 1040, "not taken by every destination",
        "With ack: destinations: not every matched deliver entry took the event within the listener's ack_timeout, or one refused it for good. The members delivered and errors say which did and which did not. It may have reached destinations: send it again with the same id.";
    NothingReached = 1041, "a destination cannot be reached",
        "With ack: destinations: a destination the event goes to is known to be unreachable, and nothing was handed to any other. The event appears nowhere; send it again after Retry-After.";
    NoLog = 1042, "this gateway keeps no log",
        "All listeners of this gateway have ack: destinations, so it has no positions, dead letters, replays or chains. GET events/stream, rejections, routes, schemas, destinations and the metrics work.";
    UnknownSnapshot = 1080, "no such snapshot",
        "The history keeps the last 20 snapshots of routes and schemas; GET /api/v1/routes/history lists them. Where no version is named, there is none before the one that runs.";
    StaleSnapshot = 1081, "the snapshot cannot be loaded any more",
        "The kept files have problems now, such as an environment variable or a secret file that is gone. What runs stays in use.";

    // 20xx: what an operator wrote
    YamlSyntax = 2001, "the file is not valid YAML",
        "The file cannot be read as YAML. The position is where reading stopped.";
    UnknownKey = 2002, "unknown key",
        "The key is not known here. Unknown keys are errors so that a typing mistake never goes unnoticed.";
    BadValue = 2003, "invalid value",
        "The value has the wrong type or form; the message says what was expected.";
    MissingKey = 2004, "a key is missing",
        "A required key is not there.";
    Interpolation = 2005, "a value cannot be filled in",
        "${env:NAME} or ${file:PATH} names something that does not exist. Use ${env:NAME:-default} for a default.";
    NotYetSupported = 2006, "not supported yet",
        "The key is part of the contract, but this version does not support it yet.";
    DuplicateName = 2007, "a name is used twice",
        "Names of routes, destinations, conversions and the deliver entries of a route are unique.";
    UnknownReference = 2008, "a name refers to nothing",
        "The name is not declared in any file of this snapshot.";
    BadTemplate = 2009, "invalid template",
        "Templates are {attribute} or {attribute:-default}; attribute names are of [a-z0-9].";
    BadFilter = 2010, "invalid filter",
        "A filter is one of exact, prefix, suffix, all, any, not, sql and jq, with attribute names of [a-z0-9] and values that are not empty.";
    BadTransform = 2011, "invalid transform",
        "A step is one of set, remove, rename, jq and convert; id, source, type and specversion cannot be removed or renamed.";
    BadSchema = 2012, "invalid schema",
        "The schema file cannot be compiled: it is no valid JSON Schema, Avro or Protobuf schema, refers outside itself (Protobuf: outside of its folder and google/protobuf/*), or holds a pattern that is not linear-time.";
    MissingFile = 2013, "a file or folder cannot be read",
        "The file or folder named in the message is missing or cannot be read.";
    TooLarge = 2014, "the file is too large or too deep",
        "Files may hold 8 MiB, 64 levels and 1,000,000 nodes after aliases are expanded.";
    UnsafeAdmin = 2015, "the admin listener is open to the network",
        "A non-loopback admin address needs authentication or admin.insecure: true.";
    DuplicateKey = 2016, "a key stands twice",
        "A mapping holds the same key twice. YAML forbids it, and readers differ in which one they believe.";
    BadConversion = 2017, "invalid conversion rules",
        "Conversion rules name members by JSON Pointers (/items/*/sku) and elements by XML names; two rules must not say different things of one member.";
    LogNotKept = 2020, "there is no log to deliver to",
        "All listeners of the gateway have ack: destinations, so it keeps no log, and no deliver entry may name the destination log. Deliver to a broker, or give a listener ack: log.";
    BadConvert = 2035, "a convert step whose keys do not go together",
        "framing: confluent stands beside schema_id, and only with to: application/avro or application/protobuf; a conversion to XML needs rules. To Avro or Protobuf the event's type needs a schema of that kind (.avsc, .proto).";
    IncompatibleSchema = 2036, "a schema breaks with the version before it",
        "Readers of the new version cannot read all data of the one before. Give the change another event type, make it compatible (optional members, defaults, wider types), or say what you promise in schemas/<type>/compat: none, forward or full. Nothing is refused because of it.";
    BadExpression = 2045, "invalid CloudEvents SQL",
        "The text is no CloudEvents SQL expression (CESQL 1.0). The message says where reading stopped and what was expected. Only attributes can be asked for; for the data there is the jq filter.";
    QuestionableExpression = 2046, "questionable CloudEvents SQL",
        "The expression is valid, but may not mean what it looks like: AND, OR and XOR have one rank and go from left to right, so write parentheses where they are mixed; a-b is a subtraction, since names of attributes hold no dash.";
    BadProgram = 2047, "invalid jq program",
        "The text is no jq program, names something that does not exist, or is one that need not end: recursive definitions, recurse(f), while, until, repeat, range without literal bounds of at most 100000, input, env, import. The message says where and what to write instead.";
    BadSplit = 2055, "invalid split",
        "split stands in place of deliver. Each branch has a weight of 0 or more and its own deliver; the weights must not all be 0, and the names of deliver entries are unique over all branches of the route.";
    BadShadow = 2056, "invalid shadow route",
        "shadow is true, or {of: ROUTE} with the name of another route that is no shadow route itself.";
    BadTest = 2057, "a test that cannot be run",
        "An entry of expect names one target (topic, subject, url or stream), and data or data_base64, not both. Whether a test passes is for signalbox test to tell.";
    UnknownInTest = 2071, "a test expects what there is not",
        "An entry of expect names a route, a destination or a deliver entry that no file declares, so that the test always fails. For signalbox check that is an error; serve and reloads only warn of it.";

    // 22xx: findings, which refuse nothing
    NeverTrue = 2201, "a filter can never be true",
        "Filters under one AND ask one attribute for two things at once, so that no event ever matches. Put alternatives under any.";
    UnreachableRoute = 2202, "a route is never reached",
        "Of a first_match group only the first route that matches is taken, and an earlier one takes everything this one would take. Put the narrower route first.";
    ShadowedDefault = 2203, "a default route is never taken",
        "A default is taken when no live route matched, and another live route without filters matches every event.";
    LeavesPrefix = 2204, "an event chooses the whole target",
        "The topic, subject or path of the URL begins with a template, so that an attribute of the event alone decides where it goes. Begin it with words of your own.";
    MissingTarget = 2210, "a topic or stream does not exist",
        "check --online asked the brokers: Kafka has no topic of this name (or the login may not see it), or no JetStream stream takes this subject. Events that are sent there are retried and then become dead letters. Create the topic or stream (the gateway never creates a topic; a stream only with ensure_stream), or mend the name. For a template the finding says that nothing there fits it.";
    NotAsked = 2211, "a broker cannot be asked",
        "check --online could not ask the brokers of this destination which topics or streams there are: they cannot be reached from here, refuse the login, or did not answer in time. Nothing is known about its topics and subjects. Without --online nothing is asked.";
    NoEffect = 2221, "a setting has no effect",
        "The key is valid, but beside the other keys it changes nothing, or not what it seems to: `format` is for structured mode, and a `deadline` shorter than the first wait leaves no time for a retry. Write what the hint says, or remove the key. Nothing is refused because of it.";
    MistakableSchema = 2222, "a schema version is easily taken for another",
        "Two versions of a type have one $id, so that events that name it are always held against the higher one; or a version is called v3 instead of 3, so that it is compared as text (v10 stands before v9). Give each version its own $id, and call the files by dotted numbers: 1.json, 1.1.json, 2.json. Nothing is refused because of it.";

    // 30xx: a delivery failed
    TemplateUnfilled = 3001, "a template cannot be filled",
        "The event has no attribute of that name and the template has no default.";
    TransformFailed = 3002, "a transform failed",
        "A step cannot be applied to this event, or its result is not a valid CloudEvent.";
    ConversionFailed = 3003, "a conversion failed",
        "The data cannot be written in the format the delivery asks for, or the rules or the schema of a convert step do not fit it. The detail says what and where.";
    BadTarget = 3004, "the target is not allowed",
        "The filled-in topic, subject or URL is not a legal one.";
    TooLargeForDestination = 3005, "too large for the destination",
        "The destination takes only smaller messages.";
    RefusedByDestination = 3006, "refused by the destination",
        "The destination refused the event for good.";
    DeadlinePassed = 3007, "the deadline has passed",
        "The event was not delivered within retry.deadline.";
    AttemptsUsed = 3008, "all attempts are used",
        "The event was not delivered within retry.max_attempts.";
    RouteRemoved = 3009, "the route is gone",
        "The route or deliver entry was removed while the event waited.";
    Unreachable = 3010, "the destination cannot be reached",
        "There is no connection to the destination. The lane waits; no attempt is used.";
    NoAck = 3011, "no acknowledgement in time",
        "The destination did not acknowledge in time. It may have the event: it is sent again under the same message id.";
    NoStream = 3012, "no stream takes the subject",
        "No JetStream stream listens on the subject. Create one, or declare ensure_stream.";
    DestinationFailed = 3013, "the destination failed",
        "The destination answered with an error that may pass.";
    NoTopic = 3020, "the topic does not exist",
        "Kafka has no such topic, or the login may not see it. Topics are never created by the gateway: create it, or permit the login to write to it.";

    ProgramFailed = 3040, "a jq program failed",
        "A jq program of a step has no usable result for this event: it needs JSON data of at most limits.jq_bytes, and exactly one output of at most as many bytes; for an attribute the output is text, true, false or a whole number of 32 bits.";

    // 40xx: the process
    LogBroken = 4001, "the log cannot be written",
        "A write or fsync of the log failed. The process stops with exit code 74 so that nothing unsafe is acknowledged; it recovers when started again.";
    DataDirInUse = 4002, "the data directory is in use",
        "Another process holds the lock of the data directory. One directory serves one process at a time.";
    AddressInUse = 4003, "the address cannot be bound",
        "The address is in use or not one of this machine.";
    GatewayUnavailable = 4004, "the gateway cannot be reached",
        "Nothing answers at the address of the gateway. Is it running? See --admin-url and --to.";
    BadTelemetry = 4005, "traces cannot be exported as asked",
        "An OTEL_* variable asks for something that is not supported. Spans go to OTEL_EXPORTER_OTLP_ENDPOINT (http:// or https://, usually port 4318) over OTLP/HTTP with Protobuf: OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf, OTEL_TRACES_EXPORTER=otlp or none. OTEL_SDK_DISABLED=true switches the export off.";
    NothingRecorded = 4030, "there is no log to read",
        "Recorded events are read from the log of a gateway: from its data directory (--data-dir, or data_dir of the config file), or with --admin-url from a running gateway. A gateway whose listeners all have ack: destinations keeps none.";
    LogUnreadable = 4031, "the log cannot be read",
        "A file of the data directory cannot be opened or is none of this version. Nothing was changed. May this user read the directory?";
    NoSuchRoute = 4041, "no such route",
        "The command was asked for a route that none of the files at hand, or of the gateway it asks, declares. GET /api/v1/routes lists those of a gateway.";
    NoSuchTest = 4042, "no such test",
        "The command was asked for tests by a text that is in no name under tests: of the route files.";
}

impl Code {
    /// The code written as `SB-1002` or `1002`, in any case.
    pub fn lookup(text: &str) -> Option<Code> {
        let upper = text.trim().to_ascii_uppercase();
        let digits = upper.strip_prefix("SB-").unwrap_or(&upper);
        let number: u16 = digits.parse().ok()?;
        Code::ALL.iter().copied().find(|code| code.number() == number)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SB-{:04}", self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn every_code_is_found_by_its_text_and_numbers_rise() {
        for code in Code::ALL {
            assert_eq!(Code::lookup(&code.to_string()), Some(*code));
        }
        assert!(Code::ALL.windows(2).all(|pair| pair[0].number() < pair[1].number()));
        assert_eq!(Code::lookup("SB-9999"), None);
        assert_eq!(Code::lookup("nonsense"), None);
    }
}
