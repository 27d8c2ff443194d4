//! Checks JSON against `docs/leak-check.schema.json`. Supports the keywords that this schema uses. An unknown field is an
//! error, so that every field is documented.

use serde_json::Value;

const SCHEMA: &str = include_str!("../../../../docs/leak-check.schema.json");

/// The first violation of the schema, with its place.
pub(crate) fn violation(value: &Value) -> Option<String> {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let kind = value["type"].as_str().unwrap_or_default();
    let Some(of_kind) = schema["$defs"].get(kind) else {
        return Some(format!("`{kind}` is no type of an object"));
    };
    check(&schema, of_kind, value, kind).err()
}

fn check(schema: &Value, rule: &Value, value: &Value, at: &str) -> Result<(), String> {
    let fields = rule.as_object().expect("a rule is an object");
    for (keyword, argument) in fields {
        let holds = match keyword.as_str() {
            "description" | "required" | "additionalProperties" => true,
            "$ref" => {
                let name = argument.as_str().and_then(|path| path.strip_prefix("#/$defs/"));
                let rule = name.and_then(|name| schema["$defs"].get(name));
                check(schema, rule.expect("the definition exists"), value, at)?;
                true
            }
            "type" => match argument {
                Value::Array(types) => types.iter().any(|one| is_of(value, one)),
                one => is_of(value, one),
            },
            "const" => value == argument,
            "enum" => argument.as_array().is_some_and(|all| all.contains(value)),
            "anyOf" | "oneOf" => one_of(schema, argument, value, at)?,
            "items" => {
                for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(schema, argument, item, &format!("{at}[{n}]"))?;
                }
                true
            }
            "properties" => {
                properties(schema, fields, value, at)?;
                true
            }
            other => panic!("the checker does not know `{other}`"),
        };
        if !holds {
            return Err(format!("{at}: {value} is not {keyword} {argument}"));
        }
    }
    if let (Some(values), Some(object)) = (fields.get("additionalProperties"), value.as_object())
        && !fields.contains_key("properties")
    {
        for (name, inner) in object {
            check(schema, values, inner, &format!("{at}.{name}"))?;
        }
    }
    Ok(())
}

fn properties(
    schema: &Value,
    rule: &serde_json::Map<String, Value>,
    value: &Value,
    at: &str,
) -> Result<(), String> {
    let Some(object) = value.as_object() else { return Err(format!("{at}: {value} is no object")) };
    for required in rule["required"].as_array().into_iter().flatten() {
        let name = required.as_str().unwrap_or_default();
        if !object.contains_key(name) {
            return Err(format!("{at}: `{name}` is missing"));
        }
    }
    for (name, inner) in object {
        let rule = rule["properties"].get(name);
        let rule = rule.ok_or_else(|| format!("{at}: `{name}` is not in the schema"))?;
        check(schema, rule, inner, &format!("{at}.{name}"))?;
    }
    Ok(())
}

/// Whether exactly one rule holds. With a `kind`, the violation is that of the rule with this kind.
fn one_of(schema: &Value, rules: &Value, value: &Value, at: &str) -> Result<bool, String> {
    let rules = rules.as_array().expect("a list of rules");
    let results = rules.iter().map(|rule| (rule, check(schema, rule, value, at)));
    let results: Vec<_> = results.collect();
    let is_kind = |rule: &Value| {
        let kind = &rule["properties"]["kind"]["const"];
        kind.is_string() && *kind == value["kind"]
    };
    match results.iter().find(|(rule, _)| is_kind(rule)) {
        Some((_, result)) => result.clone().map(|()| true),
        None => Ok(results.iter().filter(|(_, result)| result.is_ok()).count() == 1),
    }
}

fn is_of(value: &Value, name: &Value) -> bool {
    match name.as_str().unwrap_or_default() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        other => panic!("the checker does not know the type `{other}`"),
    }
}
