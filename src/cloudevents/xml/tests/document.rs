//! What is an XML document and what is none.

use crate::cloudevents::reader::Bounds;
use crate::cloudevents::xml::document::{Document, Token};
use crate::cloudevents::xml::scope::Space;
use crate::codes::Code;
use std::borrow::Cow;

/// The document as one line: `<name`, `>` for an end, texts as they are.
fn walked(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let fail = |fault: crate::cloudevents::reader::Fault| {
        assert_eq!(fault.code, Code::Malformed, "{fault}");
        fault.detail
    };
    let mut document = Document::new(text, &Bounds::default()).map_err(fail)?;
    loop {
        match document.next().map_err(fail)? {
            Token::Start(element) => out.extend(["<", element.name, " "]),
            Token::End => out.push('>'),
            Token::Text(text) => out.push_str(&text),
            Token::Complete => return Ok(out),
        }
    }
}

#[test]
fn documents_are_walked() {
    for (text, expected) in [
        ("<a/>", "<a >"),
        ("<a />", "<a >"),
        ("<a></a >", "<a >"),
        ("\r\n<!-- c --><?p i?>\n<a/>\n<!----><?p?>\n", "<a >"),
        ("<?xml version='1.0'?><a/>", "<a >"),
        ("<a>x<b>y</b>z<c/></a>", "<a x<b y>z<c >>"),
        ("<a>1 &lt; 2 &amp;&#38;&#x26;&gt;&quot;&apos;</a>", "<a 1 < 2 &&&>\"'>"),
        ("<a>x<![CDATA[<&]]]]><![CDATA[>]]>y</a>", "<a x<&]]>y>"),
        ("<a>x\r\ny\rz&#13;<![CDATA[\r\n]]></a>", "<a x\ny\nz\r\n>"),
        ("<a>-> ]] ]]&gt; -- > </a>", "<a -> ]] ]]> -- > >"),
        ("<a b='\"' c=\"'>'\" d = \"&lt;\"\n/>", "<a >"),
        ("<p:a xmlns:p='u' p:b='' b=''/>", "<p:a >"),
        ("<é.-·日/>", "<é.-·日 >"),
        ("<a xml:lang='en' xmlns:xml='http://www.w3.org/XML/1998/namespace'/>", "<a >"),
        ("<a xmlns='u'><b xmlns=''/></a>", "<a <b >>"),
        ("<a>x<!-- y -->z<?p y?></a>", "<a xz>"),
        ("<a><!--->--></a>", "<a >"),
        ("<a>\u{feff}\u{85}\u{2028}</a>", "<a \u{feff}\u{85}\u{2028}>"),
    ] {
        assert_eq!(walked(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for text in [
        "",
        " ",
        "x",
        "<",
        "<a",
        "<a>",
        "</a>",
        "<a></b>",
        "<a><b></a></b>",
        "<a/><b/>",
        "<a/>x",
        "x<a/>",
        "<a/>&amp;",
        "<a/><![CDATA[]]>",
        "&lt;<a/>",
        "<1/>",
        "< a/>",
        "<>",
        "</>",
        "<a/ >",
        "<a / >",
        "<a b/>",
        "<a b=c/>",
        "<a b='c/>",
        "<a b='c'd='e'/>",
        "<a b='c' b='d'/>",
        "<a b='<'/>",
        "<a b='&'/>",
        "<a b='&x;'/>",
        "<a 1='2'/>",
        "<a ='2'/>",
    ] {
        assert!(walked(text).is_err(), "{text}: {:?}", walked(text));
    }
}

#[test]
fn texts_comments_and_instructions_are_checked() {
    for text in [
        "<a>&</a>",
        "<a>&amp</a>",
        "<a>&x;</a>",
        "<a>&#0;</a>",
        "<a>&#xFFFE;</a>",
        "<a>]]></a>",
        "<a>\0</a>",
        "<a b='\u{1}'/>",
        "<!--\u{fffe}--><a/>",
        "<a>\u{ffff}</a>",
        "<a><!-- -- --></a>",
        "<a><!-- ---></a>",
        "<a><!--></a>",
        "<a><!- x --></a>",
        "<a><![CDATA[</a>",
        "<a><![cdata[]]></a>",
        "<a><?xml?></a>",
        "<a><?XML x?></a>",
        "<a><??></a>",
        "<a><? x?></a>",
        "<a><?p:q x?></a>",
        "<a><?p</a>",
        " <?xml version='1.0'?><a/>",
        "<a></a b='c'>",
        "</a><a/>",
        "\u{feff}<a/>",
    ] {
        assert!(walked(text).is_err(), "{text}: {:?}", walked(text));
    }
}

#[test]
fn names_without_a_namespace_or_twice_are_refused() {
    for text in [
        "<a:b/>",
        "<:a/>",
        "<a:/>",
        "<a:b:c xmlns:a='u'/>",
        "<a b:c=''/>",
        "<a xmlns:b=''/>",
        "<a xmlns:xml='u'/>",
        "<a xmlns:xmlns='u'/>",
        "<a xmlns:b='http://www.w3.org/XML/1998/namespace'/>",
        "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
        "<xmlns:a/>",
        "<a xmlns='u' xmlns='v'/>",
        "<a xmlns:b='u' xmlns:b='u'/>",
        "<a xmlns:b='u' xmlns:c='u' b:x='' c:x=''/>",
        "<a><p:b xmlns:p='u'/><p:b/></a>",
    ] {
        assert!(walked(text).is_err(), "{text}: {:?}", walked(text));
    }
}

#[test]
fn there_is_no_doctype() {
    for text in [
        "<!DOCTYPE a><a/>",
        "<!doctype a><a/>",
        "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
        "<?xml version='1.0'?>\n<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        "<!DOCTYPE",
        "<a><!DOCTYPE a></a>",
    ] {
        assert!(walked(text).is_err_and(|detail| detail.contains("a DOCTYPE is not allowed")), "{text}");
    }
}

#[test]
fn a_refusal_names_the_place() {
    assert_eq!(
        walked("<a>\n  <b></c>\n</a>").unwrap_err(),
        "the XML cannot be read: `</b>` is expected, not `</c>` (line 2, byte 6)"
    );
}

#[test]
fn names_are_resolved() {
    let text = r#"<a xmlns="http://cloudevents.io/xmlformat/V1" xmlns:p="u" x="1"><p:b p:x=" 2&#9;"/><c xmlns="" xmlns:p="v" p:x="3"/></a>"#;
    let mut document = Document::new(text, &Bounds::default()).unwrap();
    let mut start = || match document.next().unwrap() {
        Token::Start(element) => (element.space, element.local, document.attribute(Space::NONE, "x").cloned()),
        other => panic!("{other:?}"),
    };
    assert_eq!(start(), (Space::EVENT, "a", Some(Cow::Borrowed("1"))));
    let (space, local, x) = start();
    assert!(space != Space::NONE && space != Space::EVENT);
    assert_eq!((local, x), ("b", None));
    assert_eq!(document.attribute(space, "x").map(AsRef::as_ref), Some(" 2\t"));
    assert_eq!(document.next(), Ok(Token::End));
    assert!(
        matches!(document.next(), Ok(Token::Start(element)) if element.space == Space::NONE && element.local == "c")
    );
    assert_eq!(document.scope().resolve("p").map(|other| other == space), Some(false));
    document.skip().unwrap();
    assert_eq!(document.scope().resolve("p"), Some(space));
    assert_eq!(document.next(), Ok(Token::End));
    assert_eq!(document.next(), Ok(Token::Complete));
    assert_eq!(document.next(), Ok(Token::Complete));
}
