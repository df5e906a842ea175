//! No two files use each other in a circle, however long: each can be read, and changed, with those below it alone.

use super::imports::{self, Modules};
use super::sources::{code_of, files, root, sources};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

type Edges = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_two_files_use_each_other_in_a_circle() {
    let modules: Modules = sources("").into_iter().map(|(path, code)| (module_of(&path), code)).collect();
    assert!(modules.len() > 200, "{} files cannot be all", modules.len());
    let edges = imports::uses(&modules);
    assert!(edges["kafka/log"].contains("kafka/restore"), "what is used is not found");
    require_none(&edges);
}

#[test]
fn no_two_scripts_of_the_page_import_each_other_in_a_circle() {
    let name = |path: &std::path::Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    let script = |path: std::path::PathBuf| (name(&path), fs::read_to_string(&path).expect("scripts are text"));
    let scripts: Modules = files("http/site/page", "js").into_iter().map(script).collect();
    let edges: Edges = scripts.iter().map(|(name, text)| (name.clone(), imported(text))).collect();
    assert!(edges["app.js"].contains("map.js"), "what is imported is not found");
    require_none(&edges);
}

/// Scripts that a script imports from its own folder.
fn imported(script: &str) -> BTreeSet<String> {
    let code = code_of(script);
    let from = code.split(['"', '\'']).skip(1).step_by(2);
    from.filter_map(|text| text.strip_prefix("./")).map(str::to_owned).collect()
}

fn require_none(edges: &Edges) {
    let circles = circles(edges);
    let shown: Vec<String> = circles.iter().map(|circle| describe(circle, edges)).collect();
    assert!(circles.is_empty(), "files that use each other in a circle:\n{}", shown.join("\n"));
}

fn describe(circle: &BTreeSet<String>, edges: &Edges) -> String {
    let of = |file: &String| {
        let within: Vec<&str> = edges[file].intersection(circle).map(String::as_str).collect();
        format!("  {file} uses {}", within.join(", "))
    };
    circle.iter().map(of).collect::<Vec<_>>().join("\n")
}

/// Groups of files that reach each other.
fn circles(edges: &Edges) -> Vec<BTreeSet<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> = edges.keys().map(|file| (file, reach(file, edges))).collect();
    let mut circles: Vec<BTreeSet<String>> = Vec::new();
    for (file, others) in &reached {
        if !others.contains(file) || circles.iter().any(|circle| circle.contains(*file)) {
            continue;
        }
        let back = others.iter().filter(|other| reached.get(**other).is_some_and(|known| known.contains(file)));
        circles.push(back.map(|other| (*other).clone()).collect());
    }
    circles
}

/// All files that a file uses, also through others.
fn reach<'a>(file: &'a String, edges: &'a Edges) -> BTreeSet<&'a String> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![file]);
    while let Some(file) = open.pop() {
        let used = edges.get(file).into_iter().flatten();
        open.extend(used.filter(|used| reached.insert(*used)));
    }
    reached
}

/// `kafka/topics` of `src/kafka/topics/mod.rs`.
fn module_of(path: &std::path::Path) -> String {
    let path = path.strip_prefix(root()).expect("below the root").with_extension("");
    let path = if path.ends_with("mod") { path.parent().expect("a folder").to_owned() } else { path };
    path.to_string_lossy().into_owned()
}

/// The circles of made-up files.
fn found(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let modules: Modules = files.iter().map(|(module, text)| ((*module).to_owned(), code_of(text))).collect();
    let circles = circles(&imports::uses(&modules));
    circles.into_iter().map(|circle| circle.into_iter().collect()).collect()
}

#[test]
fn a_circle_is_found_however_a_path_is_written() {
    for back in [
        "use crate::a::X;",
        "use super::a::X;",
        "pub use crate::{c::Y, a::{X, Z}};",
        "use crate::a::{self as other};",
        "fn f() { crate::a::f() }",
        "fn f(x: super::a::X) {}",
        "use super::a as other;\nfn f() { other::f() }",
        "#[cfg(test)]\nmod tests;\nuse crate::a::X;",
        "#[cfg(test)]\nfn g() { if true {} }\nuse crate::a::X;",
    ] {
        let files = [("a", "use crate::b::Y;"), ("b", back), ("c", "")];
        assert_eq!(found(&files), [["a", "b"]], "{back}");
    }
}

#[test]
fn a_folder_is_in_a_circle_with_its_file() {
    for whole in ["mod part;\npub use part::X;", "mod part;\nfn f() { part::f() }", "use self::part::X;"] {
        let files = [("whole", whole), ("whole/part", "use super::Y;"), ("whole/other", "use super::part::X;")];
        assert_eq!(found(&files), [["whole", "whole/part"]], "{whole}");
    }
    let through = [
        ("whole", "mod part;\npub use part::X;"),
        ("whole/part", "use crate::other;\nfn f() { other::g() }"),
        ("other", "use crate::whole::X;"),
    ];
    assert_eq!(found(&through), [["other", "whole", "whole/part"]]);
}

#[test]
fn what_is_no_use_makes_no_circle() {
    for back in [
        "pub(in crate::a) fn f() {}",
        "pub(super) fn f() {}",
        "pub(crate) fn f() {}",
        "// use crate::a::X;\nfn f() {} // crate::a::f()",
        "#[cfg(test)]\nmod tests { use crate::a::X; }",
        "#[cfg(test)]\nuse crate::a::X;",
        "fn f(a: A) { a.f() }",
        "use other::a::X;",
    ] {
        let files = [("a", "mod b;\nuse crate::a::b::Y;"), ("a/b", back)];
        assert_eq!(found(&files), [[""; 0]; 0], "{back}");
        let files = [("a", "use crate::b::Y;"), ("b", back)];
        assert_eq!(found(&files), [[""; 0]; 0], "{back}");
    }
}
