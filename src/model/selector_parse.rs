//! The text form of label selectors: `a=b,c in (d,e),!f,g>1`.
//!
//! Mirrors `Lexer` and `Parser` of staging/src/k8s.io/apimachinery/pkg/labels/selector.go, v1.34, with their error texts.

use std::collections::BTreeSet;

use super::names::{go_quote, label_key_errors};
use super::selector::{Operator, Requirement, Selector};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Token {
    End,
    Closed,
    Comma,
    Not,
    DoubleEquals,
    Equals,
    Greater,
    Identifier,
    In,
    Less,
    NotEquals,
    NotIn,
    Open,
}

const SYMBOLS: &[(&str, Token)] = &[
    (")", Token::Closed),
    (",", Token::Comma),
    ("!", Token::Not),
    ("==", Token::DoubleEquals),
    ("=", Token::Equals),
    (">", Token::Greater),
    ("<", Token::Less),
    ("!=", Token::NotEquals),
    ("(", Token::Open),
];

type Item<'a> = (Token, &'a str);

/// Splits `text`; the last item is the end. A NUL character ends the text.
fn scan(text: &str) -> Vec<Item<'_>> {
    let special = |c: char| matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<');
    let blank = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
    let mut items = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(blank);
        let symbol = [2, 1]
            .iter()
            .filter_map(|length| rest.get(..*length))
            .find_map(|start| SYMBOLS.iter().find(|(symbol, _)| *symbol == start).map(|(_, token)| (*token, start)));
        let item = symbol.unwrap_or_else(|| {
            let length = rest.find(|c| special(c) || blank(c) || c == '\0').unwrap_or(rest.len());
            let word = &rest[..length];
            match word {
                "" => (Token::End, ""),
                "in" => (Token::In, word),
                "notin" => (Token::NotIn, word),
                _ => (Token::Identifier, word),
            }
        });
        items.push(item);
        if item.0 == Token::End {
            return items;
        }
        rest = &rest[item.1.len()..];
        // A NUL right after a word or symbol is read together with it.
        rest = rest.strip_prefix('\0').unwrap_or(rest);
    }
}

struct Parser<'a> {
    items: Vec<Item<'a>>,
    position: usize,
}

impl<'a> Parser<'a> {
    /// The next item; `in` and `notin` are words unless an operator is expected.
    fn look(&self, operator: bool) -> Item<'a> {
        let (token, text) = self.items[self.position.min(self.items.len() - 1)];
        match token {
            Token::In | Token::NotIn if !operator => (Token::Identifier, text),
            _ => (token, text),
        }
    }

    fn take(&mut self, operator: bool) -> Item<'a> {
        let item = self.look(operator);
        self.position += 1;
        item
    }

    fn selector(&mut self) -> Result<Vec<Requirement>, String> {
        let mut requirements = Vec::new();
        loop {
            match self.look(false) {
                (Token::Identifier | Token::Not, _) => {
                    let requirement = self.requirement();
                    requirements.push(requirement.map_err(|error| format!("unable to parse requirement: {error}"))?);
                    match self.take(false) {
                        (Token::End, _) => return Ok(requirements),
                        (Token::Comma, _) => {
                            let (next, text) = self.look(false);
                            if !matches!(next, Token::Identifier | Token::Not) {
                                return Err(format!("found '{text}', expected: identifier after ','"));
                            }
                        }
                        (_, text) => return Err(format!("found '{text}', expected: ',' or 'end of string'")),
                    }
                }
                (Token::End, _) => return Ok(requirements),
                (_, text) => return Err(format!("found '{text}', expected: !, identifier, or 'end of string'")),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let (mut token, mut key) = self.take(false);
        let absent = token == Token::Not;
        if absent {
            (token, key) = self.take(false);
        }
        if token != Token::Identifier {
            return Err(format!("found '{key}', expected: identifier"));
        }
        let problems = label_key_errors(key);
        if !problems.is_empty() {
            // Upstream has no path to name here.
            return Err(format!("<nil>: Invalid value: {}: {}", go_quote(key), problems.join("; ")));
        }
        if absent {
            return Requirement::new(key, Operator::DoesNotExist, Vec::new());
        }
        if matches!(self.look(false).0, Token::End | Token::Comma) {
            return Requirement::new(key, Operator::Exists, Vec::new());
        }
        let operator = self.operator()?;
        let values = match operator {
            Operator::In | Operator::NotIn => self.values()?.into_iter().map(str::to_owned).collect(),
            _ => vec![self.exact_value()?.to_owned()],
        };
        Requirement::new(key, operator, values)
    }

    fn operator(&mut self) -> Result<Operator, String> {
        Ok(match self.take(true) {
            (Token::In, _) => Operator::In,
            (Token::NotIn, _) => Operator::NotIn,
            (Token::Equals, _) => Operator::Equals,
            (Token::DoubleEquals, _) => Operator::DoubleEquals,
            (Token::NotEquals, _) => Operator::NotEquals,
            (Token::Greater, _) => Operator::GreaterThan,
            (Token::Less, _) => Operator::LessThan,
            (_, text) => return Err(format!("found '{text}', expected: in, notin, =, ==, !=, gt, lt")),
        })
    }

    fn exact_value(&mut self) -> Result<&'a str, String> {
        if matches!(self.look(false).0, Token::End | Token::Comma) {
            return Ok("");
        }
        match self.take(false) {
            (Token::Identifier, text) => Ok(text),
            (_, text) => Err(format!("found '{text}', expected: identifier")),
        }
    }

    fn values(&mut self) -> Result<BTreeSet<&'a str>, String> {
        let (token, text) = self.take(false);
        if token != Token::Open {
            return Err(format!("found '{text}' expected: '('"));
        }
        match self.look(false) {
            (Token::Identifier | Token::Comma, first) => {
                let values = self.list()?;
                // Upstream names the first item of the list here, not the one that it found.
                if self.take(false).0 == Token::Closed {
                    Ok(values)
                } else {
                    Err(format!("found '{first}', expected: ')'"))
                }
            }
            (Token::Closed, _) => {
                self.take(false);
                Ok(BTreeSet::from([""]))
            }
            (_, text) => Err(format!("found '{text}', expected: ',', ')' or identifier")),
        }
    }

    /// Values separated by commas, up to the closing parenthesis; a missing value is the empty string.
    fn list(&mut self) -> Result<BTreeSet<&'a str>, String> {
        let mut values = BTreeSet::new();
        loop {
            match self.take(false) {
                (Token::Identifier, text) => {
                    values.insert(text);
                    match self.look(false) {
                        (Token::Comma, _) => {}
                        (Token::Closed, _) => return Ok(values),
                        (_, next) => return Err(format!("found '{next}', expected: ',' or ')'")),
                    }
                }
                (Token::Comma, _) => {
                    let next = self.look(false).0;
                    if values.is_empty() || matches!(next, Token::Comma | Token::Closed) {
                        values.insert("");
                    }
                    if next == Token::Closed {
                        return Ok(values);
                    }
                }
                (_, text) => return Err(format!("found '{text}', expected: ',', or identifier")),
            }
        }
    }
}

impl Selector {
    /// Parses the text form; the empty text selects everything.
    ///
    /// # Errors
    /// Upstream's text of what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { items: scan(text), position: 0 };
        parser.selector().map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn normal(text: &str) -> String {
        Selector::parse(text).map_or_else(|error| error, |selector| selector.to_string())
    }

    #[test]
    fn normal_forms_are_sorted() {
        for (text, form) in [
            ("", ""),
            ("z in (b,a,,b),a==1", "a==1,z in (,a,b)"),
            ("x notin ()", "x notin ()"),
            ("x in (,)", "x in ()"),
            ("in in (in,notin)", "in in (in,notin)"),
            ("x=", "x="),
            ("x!=,y", "x!=,y"),
            ("! x", "!x"),
            ("a\tin\n( b )", "a in (b)"),
            ("x>-1", "unable to parse requirement: values[0][x]: Invalid value: \"-1\": "),
        ] {
            let got = normal(text);
            assert!(if form.ends_with(' ') { got.starts_with(form) } else { got == form }, "{text}: {got}");
        }
    }

    #[test]
    fn errors_are_upstreams() {
        for (text, error) in [
            (",x", "found ',', expected: !, identifier, or 'end of string'"),
            ("x y", "unable to parse requirement: found 'y', expected: in, notin, =, ==, !=, gt, lt"),
            ("x (a)", "unable to parse requirement: found '(', expected: in, notin, =, ==, !=, gt, lt"),
            ("!", "unable to parse requirement: found '', expected: identifier"),
            ("!!x", "unable to parse requirement: found '!', expected: identifier"),
            ("x=(a)", "unable to parse requirement: found '(', expected: identifier"),
            ("x in (=)", "unable to parse requirement: found '=', expected: ',', ')' or identifier"),
            ("x in (a,=)", "unable to parse requirement: found '=', expected: ',', or identifier"),
            ("x in (a b)", "unable to parse requirement: found 'b', expected: ',' or ')'"),
            ("x,", "found '', expected: identifier after ','"),
        ] {
            assert_eq!(normal(text), error);
        }
        assert!(
            normal("-a=b").starts_with("unable to parse requirement: <nil>: Invalid value: \"-a\": name part must")
        );
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "[a-c =!(),<>1\\x00\u{e9}]{0,24}|\\PC{0,12}|(in|notin|x|[ (),=])*") {
            if let Ok(selector) = Selector::parse(&text) {
                let form = selector.to_string();
                prop_assert_eq!(Selector::parse(&form).map(|again| again.to_string()), Ok(form));
                let _ = selector.matches(|_| Some("1"));
            }
        }
    }
}
