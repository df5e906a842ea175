//! Which files a file uses: every path in its code, however it is written.

use std::collections::{BTreeMap, BTreeSet};

/// Files by their modules, as `kafka/topics/check`; a `mod.rs` is its folder. With the code of each.
pub type Modules = BTreeMap<String, String>;

/// Which files each file uses.
pub fn uses(modules: &Modules) -> BTreeMap<String, BTreeSet<String>> {
    modules.iter().map(|(module, code)| (module.clone(), used_by(module, code, modules))).collect()
}

fn used_by(module: &str, code: &str, modules: &Modules) -> BTreeSet<String> {
    let paths = paths(&without_visibility(code));
    // What a `use` brings in is a name for the rest of the file.
    let mut names: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for Path { parts, name, .. } in paths.iter().filter(|path| path.is_import) {
        if let (Some(absolute), Some(name)) = (absolute(parts, module, modules), name) {
            names.insert(name, absolute);
        }
    }
    let mut used = BTreeSet::new();
    for path in paths.iter().filter(|path| path.parts.len() > 1) {
        let known = absolute(&path.parts, module, modules)
            .or_else(|| Some([names.get(path.parts[0].as_str())?, &path.parts[1..]].concat()));
        used.extend(known.and_then(|path| file_of(&path, modules)));
    }
    used.remove(module);
    used
}

/// A path from the root, where a path begins at the root, at this module, or with a module below it.
fn absolute(parts: &[String], module: &str, modules: &Modules) -> Option<Vec<String>> {
    let mut here: Vec<String> = module.split('/').map(str::to_owned).collect();
    let mut rest = parts;
    match parts.first()?.as_str() {
        "crate" => {
            here.clear();
            rest = &rest[1..];
        }
        "self" | "super" => {
            while let Some(first @ ("self" | "super")) = rest.first().map(String::as_str) {
                if first == "super" {
                    here.pop();
                }
                rest = &rest[1..];
            }
        }
        child if modules.contains_key(&format!("{module}/{child}")) => {}
        _ => return None,
    }
    // `pub(super)` alone uses nothing.
    (!rest.is_empty()).then(|| [&here, rest].concat())
}

/// The file in which the item of a path is.
fn file_of(path: &[String], modules: &Modules) -> Option<String> {
    (1..=path.len()).rev().map(|length| path[..length].join("/")).find(|file| modules.contains_key(file))
}

/// `pub(in crate::kafka)` names a module and uses nothing of it.
fn without_visibility(code: &str) -> String {
    let mut parts = code.split("pub(in ");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(part.split_once(')').map_or("", |(_, rest)| rest));
    }
    kept
}

/// One path of several parts.
#[derive(Debug)]
struct Path {
    parts: Vec<String>,
    /// What it is called from here on, if it is imported.
    name: Option<String>,
    is_import: bool,
}

/// Every path in a code; each of a group by itself.
fn paths(code: &str) -> Vec<Path> {
    let mut reader = Reader { rest: code };
    let (mut found, mut is_import) = (Vec::new(), false);
    while !reader.rest.is_empty() {
        let Some(word) = reader.word() else {
            reader.skip_char();
            continue;
        };
        if word == "use" {
            is_import = true;
            continue;
        }
        reader.tree(vec![word], is_import, &mut found);
        is_import = false;
    }
    found
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// The word that the rest begins with, maybe behind space.
    fn word(&mut self) -> Option<String> {
        let text = self.rest.trim_start();
        let end = text.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(text.len());
        let word = text[..end].to_owned();
        self.rest = &text[end..];
        (!word.is_empty()).then_some(word)
    }

    fn skip_char(&mut self) {
        let mut chars = self.rest.chars();
        chars.next();
        self.rest = chars.as_str();
    }

    /// Whether the rest goes on so; then it is behind it.
    fn takes(&mut self, text: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(text);
        if let Some(rest) = rest {
            self.rest = rest;
        }
        rest.is_some()
    }

    /// Goes on with a path that began with these parts, into its groups.
    fn tree(&mut self, mut parts: Vec<String>, is_import: bool, found: &mut Vec<Path>) {
        while self.takes("::") {
            if self.takes("{") {
                while !self.takes("}") && !self.rest.is_empty() {
                    match self.word() {
                        Some(word) => self.tree([parts.clone(), vec![word]].concat(), is_import, found),
                        None => self.skip_char(),
                    }
                }
                return;
            }
            match self.word() {
                Some(word) => parts.push(word),
                // `::*` or `::<T>`.
                None => break,
            }
        }
        if parts.last().is_some_and(|last| last == "self") && parts.len() > 1 {
            parts.pop();
        }
        let renamed = is_import && self.takes("as ");
        let name = if renamed { self.word() } else { parts.last().cloned() };
        found.push(Path { parts, name, is_import });
    }
}
