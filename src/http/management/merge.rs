//! JSON merge patch (RFC 7396): what a PATCH does to a stored document.

use serde_json::{Map, Value};

/// Merges `patch` into `target`: `null` removes, objects merge member by member, anything else
/// replaces.
pub fn deep(target: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                target.remove(&name);
            }
            Value::Object(patch) => {
                let slot = target.entry(name).or_insert_with(|| Value::Object(Map::new()));
                if !slot.is_object() {
                    *slot = Value::Object(Map::new());
                }
                if let Value::Object(inner) = slot {
                    deep(inner, patch);
                }
            }
            other => {
                target.insert(name, other);
            }
        }
    }
}

/// Merges `patch` into `target` at the first level only: `null` removes, anything else replaces.
pub fn shallow(target: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (name, value) in patch {
        if value.is_null() {
            target.remove(&name);
        } else {
            target.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_deep_merge_keeps_siblings_and_replaces_arrays() {
        let mut target = map(json!({"a": {"b": 1, "c": [1, 2]}, "d": 1, "e": 2}));
        deep(
            &mut target,
            map(json!({"a": {"c": [3], "x": {"y": null}}, "d": null, "e": {"f": 1}})),
        );
        let expected = json!({"a": {"b": 1, "c": [3], "x": {}}, "e": {"f": 1}});
        assert_eq!(Value::Object(target), expected);
    }

    #[test]
    fn a_shallow_merge_replaces_whole_members() {
        let mut target = map(json!({"a": {"b": 1}, "d": 1}));
        shallow(&mut target, map(json!({"a": {"c": 2}, "d": null})));
        assert_eq!(Value::Object(target), json!({"a": {"c": 2}}));
    }
}
