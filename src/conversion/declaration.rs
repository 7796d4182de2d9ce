//! What an operator writes under `conversions:`.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// As the reference shows it.
pub const EXAMPLE: &str = r#"conversions:
  - name: order-xml
    root: order
    namespace: "urn:example:order"
    attributes: [/id, /items/*/sku]
    text: [/items/*/name]
    lists: {/items: item, /tags: null}
    names: {/@odd: odd}
    types: {/total: number}
# {"id": "o-1", "items": [{"sku": "a", "name": "Lamp"}], "tags": ["new", "sale"], "total": 79.80, "@odd": null}
#
# <order xmlns="urn:example:order" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" id="o-1">
#   <items><item sku="a">Lamp</item></items>
#   <tags>new</tags><tags>sale</tags>
#   <total>79.80</total>
#   <odd xsi:nil="true"/>
# </order>
"#;

/// Rules by which JSON data becomes XML and XML data JSON, both directions from one declaration. Keys are JSON Pointers
/// into the data: `*` stands for each entry of an array, `""` for the data as a whole. Members keep their order; a name
/// that XML does not allow is written with `_xHHHH_`. Data a rule does not fit is not converted; nor is an object with a
/// member that stands twice, because readers differ in which one they believe.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-example" = EXAMPLE))]
pub struct Conversion {
    /// Unique over all files; what `convert` steps and `schemas/<type>/conversion` call it.
    pub name: String,
    /// Name of the document element.
    pub root: String,
    /// Namespace of all elements. Default: none.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Prefix that every element carries. Default: the namespace is declared as the default one.
    #[serde(default)]
    pub prefix: Option<String>,
    /// Scalars written as XML attributes of what they are in: `[/id, /items/*/sku]`.
    #[serde(default)]
    pub attributes: Vec<String>,
    /// Scalars written as the text of what they are in, which then has no elements: `[/note/value]`.
    #[serde(default)]
    pub text: Vec<String>,
    /// How arrays are written: `{/items: item}` as `<items>` around an `<item>` for each entry, `{/tags: null}` as repeated
    /// `<tags>`. Others: around `<item>`.
    #[serde(default)]
    pub lists: BTreeMap<String, Option<String>>,
    /// What becomes of `null`. Default: `nil`. In XML attributes and text it is always left out.
    #[serde(default)]
    pub nulls: Option<Nulls>,
    /// XML names of members: `{"/@odd": odd}`.
    #[serde(default)]
    pub names: BTreeMap<String, String>,
    /// Types on the way back to JSON: `{/total: number}`. Others: what the JSON Schema of the event's type says, else
    /// `string`.
    #[serde(default)]
    pub types: BTreeMap<String, Scalar>,
}

/// What becomes of `null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Nulls {
    /// `<note xsi:nil="true"/>`.
    #[default]
    Nil,
    /// Nothing is written.
    Omit,
    /// `<note/>`.
    Empty,
}

/// The type of a value that XML holds as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scalar {
    /// Text.
    String,
    /// A number as JSON writes it.
    Number,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
}
