//! JSON text -> the same trees as YAML, an order of magnitude faster: what `kubectl get -o json` writes. Anything that
//! is not strict JSON (comments, trailing commas) is left to the YAML reader, whose error messages are used as well.

use std::borrow::Cow;

use super::tree::{At, Entry, Node, Value};

const DEEPEST: usize = 200;

/// Reads a text that is one JSON value, or several one after another; `None` if it is anything else.
pub(super) fn read(text: &str) -> Option<Vec<Node<'_>>> {
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0 };
    let mut values = Vec::new();
    reader.blanks();
    while reader.at < text.len() {
        values.push(reader.value(0)?);
        reader.blanks();
    }
    Some(values)
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
}

#[allow(clippy::cast_possible_truncation)]
const fn narrow(at: usize) -> u32 {
    at as u32
}

impl<'t> Reader<'t> {
    fn blanks(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.bytes.get(self.at) == Some(&byte)).then(|| self.at += 1)
    }

    fn since(&self, start: usize) -> At {
        At { start: narrow(start), end: narrow(self.at) }
    }

    fn value(&mut self, depth: usize) -> Option<Node<'t>> {
        if depth > DEEPEST {
            return None;
        }
        let start = self.at;
        let value = match self.bytes.get(self.at)? {
            b'{' => Value::Map(self.map(depth)?),
            b'[' => Value::List(self.list(depth)?),
            b'"' => Value::Text(self.string()?),
            _ => Value::Plain(Cow::Borrowed(self.plain()?)),
        };
        Some(Node { at: self.since(start), value })
    }

    fn map(&mut self, depth: usize) -> Option<Vec<Entry<'t>>> {
        self.at += 1;
        let mut entries = Vec::new();
        self.blanks();
        if self.eat(b'}').is_some() {
            return Some(entries);
        }
        loop {
            self.blanks();
            let start = self.at;
            let key = self.string()?;
            let key_at = self.since(start);
            self.blanks();
            self.eat(b':')?;
            self.blanks();
            let value = self.value(depth + 1)?;
            entries.push(Entry { key, key_at, value });
            self.blanks();
            if self.eat(b',').is_none() {
                return self.eat(b'}').map(|()| entries);
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Vec<Node<'t>>> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.eat(b']').is_some() {
            return Some(items);
        }
        loop {
            self.blanks();
            items.push(self.value(depth + 1)?);
            self.blanks();
            if self.eat(b',').is_none() {
                return self.eat(b']').map(|()| items);
            }
        }
    }

    fn plain(&mut self) -> Option<&'t str> {
        let start = self.at;
        while matches!(self.bytes.get(self.at), Some(b'0'..=b'9' | b'a'..=b'z' | b'E' | b'+' | b'-' | b'.')) {
            self.at += 1;
        }
        let text = &self.text[start..self.at];
        let known = matches!(text, "true" | "false" | "null");
        (known || serde_json::from_str::<serde_json::Number>(text).is_ok()).then_some(text)
    }

    fn string(&mut self) -> Option<Cow<'t, str>> {
        self.eat(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            match self.bytes.get(self.at)? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    self.at += 2;
                }
                0..=0x1f => return None,
                _ => self.at += 1,
            }
        }
        let end = self.at;
        self.at += 1;
        if escaped {
            serde_json::from_str(&self.text[start - 1..=end]).ok().map(Cow::Owned)
        } else {
            Some(Cow::Borrowed(&self.text[start..end]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict_json_is_read_with_places() {
        let text = "{\"a\": [1, -2.5e3, true, null, \"x\\u00e9\\n\"], \"b\": {}}\n{\"c\": []}";
        let values = read(text).unwrap();
        assert_eq!(values.len(), 2);
        let list = values[0].get("a").unwrap();
        assert_eq!((list.key_at.start, list.value.at.start, list.value.at.end), (1, 6, 42));
        let Value::List(items) = &list.value.value else { panic!("a list") };
        assert_eq!(items[4].scalar(), Some("xé\n"));
        assert!(items[3].is_null());
    }

    #[test]
    fn anything_else_is_left_to_yaml() {
        for text in
            ["{a: 1}", "{\"a\": 1,}", "[1", "{\"a\": 01}", "{\"a\" 1}", "\"\\", "[tru]", "{} x", "{\"a\": \"\n\"}"]
        {
            assert!(read(text).is_none(), "{text}");
        }
        assert!(read(&"[".repeat(10_000)).is_none());
    }
}
