//! `podFailurePolicy` and `successPolicy` of Jobs: decoding, defaulting, checking, compiling. Mirrors validatePodFailurePolicy and
//! validateSuccessPolicy of pkg/apis/batch/validation/validation.go, v1.34.

use super::codes;
use super::fields::{Context, Fields, Path};
use super::numbers;
use super::schema_batch as schema;
use super::tree::Value;
use crate::model::names::{go_quote, label_key_errors};
use crate::model::objects::{PodFailureAction, PodFailureMatch, PodFailureRule, SuccessRule};

const CODE: crate::diag::Code = codes::BAD_JOB_POLICY;
const MOST_RULES: usize = 20;
const MOST_EXIT_CODES: usize = 255;
/// The longest text of indexes, in bytes.
const MOST_INDEX_BYTES: usize = 64 * 1024;

/// What of a Job its policies refer to.
pub(super) struct Extent {
    /// `spec.completions`.
    pub completions: Option<i32>,
    /// `spec.backoffLimitPerIndex`.
    pub backoff_limit_per_index: Option<i32>,
    /// Whether each pod has an index.
    pub indexed: bool,
}

fn too_many(cx: &mut Context<'_>, fields: &Fields<'_, '_>, name: &'static str, found: usize, most: usize) {
    if found > most {
        let text = format!("Too many: {found}: must have at most {most} items");
        cx.invalid(CODE, fields.at(name), &fields.path.field(name), &text, "too many", "remove some");
    }
}

/// Reads `spec.podFailurePolicy`.
pub(super) fn failure(cx: &mut Context<'_>, job: &Fields<'_, '_>, extent: &Extent) -> Box<[PodFailureRule]> {
    let path = job.path.field("podFailurePolicy");
    let example = "write `rules:` under it";
    let policy = job.section(cx, "podFailurePolicy", &path, &schema::POD_FAILURE_POLICY, example);
    let Some(policy) = policy else { return Box::default() };
    let list_path = path.field("rules");
    let nodes = policy.list(cx, "rules", "v1.PodFailurePolicyRule");
    too_many(cx, &policy, "rules", nodes.len(), MOST_RULES);
    let mut rules = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- {action: FailJob, onExitCodes: {operator: In, values: [42]}}`";
        let Some(rule) = cx.fields(node, node.anchor(), &path, &schema::POD_FAILURE_RULE, example) else { continue };
        let action = action(cx, &rule, extent);
        let codes = match rule.get("onExitCodes") {
            Some(_) => exit_codes(cx, job, &rule, &path),
            None => None,
        };
        let conditions = conditions(cx, &rule, &path);
        let (has_codes, has_conditions) = (rule.get("onExitCodes").is_some(), !conditions.is_empty());
        if has_codes == has_conditions {
            let text = if has_codes {
                "Invalid value: specifying both OnExitCodes and OnPodConditions is not supported"
            } else {
                "Invalid value: specifying one of OnExitCodes and OnPodConditions is required"
            };
            let help = "a rule looks at exit codes or at conditions: write exactly one of the two";
            cx.invalid(CODE, rule.anchor, &path, text, "not exactly one", help);
        }
        let when = codes.unwrap_or(PodFailureMatch::Conditions(conditions.into()));
        rules.extend(action.map(|action| PodFailureRule { action, when }));
    }
    rules.into()
}

fn action(cx: &mut Context<'_>, rule: &Fields<'_, '_>, extent: &Extent) -> Option<PodFailureAction> {
    const WORDS: [(&str, PodFailureAction); 4] = [
        ("Count", PodFailureAction::Count),
        ("FailIndex", PodFailureAction::FailIndex),
        ("FailJob", PodFailureAction::FailJob),
        ("Ignore", PodFailureAction::Ignore),
    ];
    let path = rule.path.field("action");
    if rule.text(cx, "action").is_none_or(str::is_empty) {
        let text = "Required value: valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]";
        cx.invalid(
            codes::REQUIRED,
            rule.at("action"),
            &path,
            text,
            "no action",
            "say what happens: add `action: FailJob`",
        );
        return None;
    }
    let action = cx.choice(rule, "action", &WORDS)?;
    if action == PodFailureAction::FailIndex && extent.backoff_limit_per_index.is_none() {
        let text = "Invalid value: \"FailIndex\": requires the backoffLimitPerIndex to be set";
        cx.invalid(CODE, rule.at("action"), &path, text, "", "add `backoffLimitPerIndex:`, or write FailJob");
    }
    Some(action)
}

fn exit_codes(
    cx: &mut Context<'_>,
    job: &Fields<'_, '_>,
    rule: &Fields<'_, '_>,
    path: &Path<'_>,
) -> Option<PodFailureMatch> {
    let path = path.field("onExitCodes");
    let codes = rule.section(cx, "onExitCodes", &path, &schema::ON_EXIT_CODES, "write `operator: In` under it")?;
    let not_in = if codes.text(cx, "operator").is_none_or(str::is_empty) {
        let text = "Required value: valid values: [\"In\" \"NotIn\"]";
        let help = "add `operator: In`";
        cx.invalid(codes::REQUIRED, codes.at("operator"), &path.field("operator"), text, "no operator", help);
        false
    } else {
        cx.choice(&codes, "operator", &[("In", false), ("NotIn", true)]).unwrap_or(false)
    };
    let is_in = codes.text(cx, "operator") == Some("In");
    let container = codes.text(cx, "containerName");
    if let Some(name) = container.filter(|name| !has_container(job, name)) {
        let text = format!(
            "Invalid value: {}: must be one of the container or initContainer names in the pod template",
            go_quote(name)
        );
        let help = "write the name of a container of the template, or remove the line for any";
        cx.invalid(CODE, codes.at("containerName"), &path.field("containerName"), &text, "no such container", help);
    }
    let values = exit_code_values(cx, &codes, &path, is_in);
    let container = container.map(|name| cx.words.strings.intern(name));
    Some(PodFailureMatch::ExitCodes { container, not_in, values: values.into() })
}

fn exit_code_values(cx: &mut Context<'_>, codes: &Fields<'_, '_>, path: &Path<'_>, is_in: bool) -> Vec<i32> {
    let list_path = path.field("values");
    let mut values: Vec<i32> = Vec::new();
    let nodes = codes.list(cx, "values", "int32");
    if nodes.is_empty() {
        let value = if codes.get("values").is_some() { "[]" } else { "null" };
        let text = format!("Invalid value: {value}: at least one value is required");
        cx.invalid(CODE, codes.at("values"), &list_path, &text, "no exit codes", "add `values: [42]`");
    }
    too_many(cx, codes, "values", nodes.len(), MOST_EXIT_CODES);
    for (index, node) in nodes.iter().enumerate() {
        let path = list_path.index(index);
        let value = cx.integer(node, &path, "PodFailurePolicyOnExitCodesRequirement", "int32");
        let Some(value) = value.and_then(|value| i32::try_from(value).ok()) else { continue };
        if is_in && value == 0 {
            let text = "Invalid value: 0: must not be 0 for the In operator";
            cx.invalid(CODE, node.at, &path, text, "no failure", "0 is success: remove it");
        }
        if values.contains(&value) {
            cx.invalid(
                CODE,
                node.at,
                &path,
                &format!("Duplicate value: {value}"),
                "written twice",
                "remove one of the two",
            );
        }
        values.push(value);
    }
    if !values.is_sorted() {
        let shown: Vec<String> = values.iter().map(ToString::to_string).collect();
        let text = format!("Invalid value: [{}]: must be ordered", shown.join(","));
        cx.invalid(CODE, codes.at("values"), &list_path, &text, "not in order", "sort them");
    }
    values
}

fn has_container(job: &Fields<'_, '_>, name: &str) -> bool {
    let Some(spec) = job.get("template").and_then(|entry| entry.value.get("spec")) else { return false };
    ["containers", "initContainers"].into_iter().filter_map(|list| spec.value.get(list)).any(|list| {
        let Value::List(items) = &list.value.value else { return false };
        items.iter().any(|item| item.get("name").and_then(|entry| entry.value.scalar()) == Some(name))
    })
}

fn conditions(
    cx: &mut Context<'_>,
    rule: &Fields<'_, '_>,
    path: &Path<'_>,
) -> Vec<(crate::model::StrId, crate::model::StrId)> {
    let list_path = path.field("onPodConditions");
    let mut all = Vec::new();
    let nodes = rule.list(cx, "onPodConditions", "v1.PodFailurePolicyOnPodConditionsPattern");
    too_many(cx, rule, "onPodConditions", nodes.len(), MOST_RULES);
    for (index, node) in nodes.iter().enumerate() {
        let path = list_path.index(index);
        let schema = &schema::ON_POD_CONDITION;
        let example = "write `- {type: DisruptionTarget}`";
        let Some(pattern) = cx.fields(node, node.anchor(), &path, schema, example) else { continue };
        let kind = pattern.text(cx, "type").unwrap_or("");
        let help = "write the type of a condition, such as DisruptionTarget";
        cx.invalid_text(CODE, pattern.at("type"), &path.field("type"), kind, label_key_errors(kind), help);
        let words = [("False", "False"), ("True", "True"), ("Unknown", "Unknown")];
        let status = cx.choice(&pattern, "status", &words).unwrap_or("True");
        all.push((cx.words.strings.intern(kind), cx.words.strings.intern(status)));
    }
    all
}

/// Reads `spec.successPolicy`.
pub(super) fn success(cx: &mut Context<'_>, job: &Fields<'_, '_>, extent: &Extent) -> Box<[SuccessRule]> {
    let path = job.path.field("successPolicy");
    let Some(entry) = job.get("successPolicy") else { return Box::default() };
    let example = "write `rules:` under it";
    let policy = cx.fields(&entry.value, entry.key_at, &path, &schema::SUCCESS_POLICY, example);
    let Some(policy) = policy else { return Box::default() };
    let list_path = path.field("rules");
    let nodes = policy.list(cx, "rules", "v1.SuccessPolicyRule");
    if !extent.indexed {
        let text = "Invalid value: {}: requires indexed completion mode";
        let help = "write `completionMode: Indexed` and `completions:`, or remove it";
        cx.invalid(CODE, entry.key_at, &path, text, "not for this Job", help);
        return Box::default();
    }
    if nodes.is_empty() {
        let text = "Required value: at least one rules must be specified when the successPolicy is specified";
        cx.invalid(codes::REQUIRED, entry.key_at, &list_path, text, "no rules", "add `rules: [{succeededCount: 1}]`");
    }
    too_many(cx, &policy, "rules", nodes.len(), MOST_RULES);
    let mut rules = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- succeededCount: 1`";
        let Some(rule) = cx.fields(node, node.anchor(), &path, &schema::SUCCESS_RULE, example) else { continue };
        rules.extend(success_rule(cx, &rule, extent.completions.unwrap_or(0)));
    }
    rules.into()
}

fn success_rule(cx: &mut Context<'_>, rule: &Fields<'_, '_>, completions: i32) -> Option<SuccessRule> {
    let path = rule.path;
    let text = rule.text(cx, "succeededIndexes");
    let count = numbers::int32(cx, rule, "succeededCount");
    if text.is_none() && count.is_none() {
        let text = "Required value: at least one of succeededCount or succeededIndexes must be specified";
        cx.invalid(codes::REQUIRED, rule.anchor, path, text, "says nothing", "add `succeededCount: 1`");
    }
    let mut indexes = None;
    if let Some(text) = text {
        let (at, path) = (rule.at("succeededIndexes"), path.field("succeededIndexes"));
        if text.len() > MOST_INDEX_BYTES {
            let long = format!("Too long: may not be more than {MOST_INDEX_BYTES} bytes");
            cx.invalid(CODE, at, &path, &long, "too long", "name fewer intervals");
        }
        match parse_indexes(text, completions) {
            Ok(found) => indexes = Some(found),
            Err(why) => {
                let wrong = format!("Invalid value: {}: error parsing succeededIndexes: {why}", go_quote(text));
                cx.invalid(CODE, at, &path, &wrong, "not a list of indexes", "write numbers and intervals: \"0,2-4\"");
            }
        }
    }
    if let Some(count) = count {
        numbers::check_not_negative(cx, rule, "succeededCount", i64::from(count));
        let total = indexes.as_ref().map(|all: &Vec<(u32, u32)>| all.iter().map(|(a, b)| i64::from(b - a) + 1).sum());
        let mut above = |most: i64, what: &str| {
            if i64::from(count) > most {
                let text =
                    format!("Invalid value: {count}: must be less than or equal to {most} (the number of {what})");
                let path = path.field("succeededCount");
                cx.invalid(CODE, rule.at("succeededCount"), &path, &text, "more than there are", "lower it");
            }
        };
        above(i64::from(completions), "specified completions");
        if text.is_some() {
            above(total.unwrap_or(0), "indexes in the specified succeededIndexes field");
        }
    }
    Some(SuccessRule { indexes: indexes.map(Into::into), count })
}

/// Reads `0,2-4`: intervals in rising order below `completions`.
fn parse_indexes(text: &str, completions: i32) -> Result<Vec<(u32, u32)>, String> {
    let mut all: Vec<(u32, u32)> = Vec::new();
    if text.is_empty() {
        return Ok(all);
    }
    for part in text.split(',') {
        let ends: Vec<&str> = part.split('-').collect();
        if ends.len() > 2 {
            let why = "violates the requirement that an index interval can have at most two parts separated by '-'";
            return Err(format!("the fragment {} {why}", go_quote(part)));
        }
        let mut numbers = [0; 2];
        for (slot, end) in numbers.iter_mut().zip([ends[0], ends[ends.len() - 1]]) {
            *slot = end
                .parse::<i32>()
                .map_err(|_| format!("cannot convert string to integer for index: {}", go_quote(end)))?;
            if *slot >= completions {
                return Err(format!("too large index: {}", go_quote(end)));
            }
        }
        let [first, last] = numbers;
        let previous = all.last().map(|&(_, last)| last);
        if let Some(previous) = previous.filter(|&previous| i64::from(first) <= i64::from(previous)) {
            return Err(format!("non-increasing order, previous: {previous}, current: {first}"));
        }
        if ends.len() == 2 && last <= first {
            return Err(format!("non-increasing order, previous: {first}, current: {last}"));
        }
        let end = |number| u32::try_from(number).map_err(|_| format!("too small index: {number}"));
        all.push((end(first)?, end(last)?));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::parse_indexes;

    #[test]
    fn indexes_rise_and_stay_below_the_completions() {
        assert_eq!(parse_indexes("0,2-4", 5), Ok(vec![(0, 0), (2, 4)]));
        assert_eq!(parse_indexes("", 5), Ok(vec![]));
        for (text, why) in [
            ("5", "too large index: \"5\""),
            ("2,1", "non-increasing order, previous: 2, current: 1"),
            ("2-1", "non-increasing order, previous: 2, current: 1"),
            ("a", "cannot convert string to integer for index: \"a\""),
        ] {
            assert_eq!(parse_indexes(text, 5), Err(why.to_owned()));
        }
        assert!(parse_indexes("1-2-3", 5).is_err());
    }
}
