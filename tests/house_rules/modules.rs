//! The modules of a crate form no circle: a module imports nothing that imports it, directly or around.
//!
//! A node is a source file. A parent that only declares its children and re-exports from them has no edge to them: a
//! path is followed through `use` declarations to the file that defines the item. Tests may import whatever they like.

use super::sources::{Crate, crates, is_test_only, local};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree};

/// A module: where it is written, and what its names mean.
struct Module {
    file: PathBuf,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    /// Names that `use` declarations bring in, with their paths.
    imports: BTreeMap<String, Vec<String>>,
    /// Paths of glob imports.
    globs: Vec<Vec<String>>,
    /// Names of items that are defined here.
    defined: BTreeSet<String>,
    /// Every path that is written here outside of tests; a re-export is none.
    paths: Vec<Vec<String>>,
}

#[derive(Default)]
struct Modules(Vec<Module>);

impl Modules {
    /// Reads a crate from its root file on.
    fn of(root: &Path) -> Self {
        let mut all = Self::default();
        let folder = root.parent().unwrap().to_owned();
        all.file(root.to_owned(), folder, None);
        all
    }

    fn file(&mut self, file: PathBuf, folder: PathBuf, parent: Option<usize>) -> usize {
        let source = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let parsed = syn::parse_file(&source).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.module(file, &folder, parent, &parsed.items)
    }

    /// `folder`: where the files of its child modules are.
    fn module(&mut self, file: PathBuf, folder: &Path, parent: Option<usize>, items: &[Item]) -> usize {
        let id = self.0.len();
        self.0.push(Module {
            file: file.clone(),
            parent,
            children: BTreeMap::new(),
            imports: BTreeMap::new(),
            globs: Vec::new(),
            defined: BTreeSet::new(),
            paths: Vec::new(),
        });
        for item in items {
            if is_test_only(attributes(item)) {
                continue;
            }
            match item {
                Item::Mod(module) => {
                    if let Some(child) = self.child(&file, folder, id, module) {
                        self.0[id].children.insert(module.ident.to_string(), child);
                    }
                }
                Item::Use(declaration) => self.declare(id, declaration),
                other => {
                    if let Some(name) = name(other) {
                        self.0[id].defined.insert(name);
                    }
                    let mut paths = Paths(&mut self.0[id].paths);
                    paths.visit_item(other);
                }
            }
        }
        id
    }

    fn child(&mut self, file: &Path, folder: &Path, parent: usize, module: &ItemMod) -> Option<usize> {
        let name = module.ident.to_string();
        if let Some((_, items)) = &module.content {
            return Some(self.module(file.to_owned(), &folder.join(&name), Some(parent), items));
        }
        let given = module.attrs.iter().find_map(|attribute| match &attribute.meta {
            syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
                syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => {
                    Some(file.parent().unwrap().join(text.value()))
                }
                _ => None,
            },
            _ => None,
        });
        let candidates = [given, Some(folder.join(format!("{name}.rs"))), Some(folder.join(&name).join("mod.rs"))];
        // A file that is generated at build time is none of ours.
        let found = candidates.into_iter().flatten().find(|path| path.is_file())?;
        Some(self.file(found, folder.join(&name), Some(parent)))
    }

    fn declare(&mut self, module: usize, declaration: &ItemUse) {
        let reexport = !matches!(declaration.vis, syn::Visibility::Inherited);
        let mut leaves = Vec::new();
        flatten(&declaration.tree, &mut Vec::new(), &mut leaves);
        for (path, name) in leaves {
            match name {
                Some(name) => {
                    self.0[module].imports.insert(name, path.clone());
                }
                None => self.0[module].globs.push(path.clone()),
            }
            if !reexport {
                self.0[module].paths.push(path);
            }
        }
    }

    /// The module in whose file the item is that `path`, written in `from`, names. `None` if it is outside of the crate.
    fn resolve(&self, from: usize, path: &[String], seen: &mut HashSet<(usize, String)>) -> Option<usize> {
        let (first, rest) = path.split_first()?;
        let start = match first.as_str() {
            "crate" => 0,
            "self" => from,
            "super" => self.0[from].parent?,
            _ => return self.lookup(from, path, seen),
        };
        if rest.is_empty() { Some(start) } else { self.walk(start, rest, seen) }
    }

    /// A path that begins with a name of `from`'s own scope: of a child or an import.
    fn lookup(&self, from: usize, path: &[String], seen: &mut HashSet<(usize, String)>) -> Option<usize> {
        let first = path.first()?;
        let known = self.0[from].children.contains_key(first) || self.0[from].imports.contains_key(first);
        if known { self.walk(from, path, seen) } else { None }
    }

    /// The module of an item, from `at` down.
    fn walk(&self, at: usize, path: &[String], seen: &mut HashSet<(usize, String)>) -> Option<usize> {
        let Some((first, rest)) = path.split_first() else { return Some(at) };
        let module = &self.0[at];
        if first == "super" {
            return self.walk(module.parent?, rest, seen);
        }
        if first == "self" {
            return self.walk(at, rest, seen);
        }
        if let Some(&child) = module.children.get(first) {
            return self.walk(child, rest, seen);
        }
        if module.defined.contains(first) {
            return Some(at);
        }
        if !seen.insert((at, first.clone())) {
            return None;
        }
        if let Some(import) = module.imports.get(first) {
            // Of another crate: nothing here.
            let target = self.resolve(at, import, seen)?;
            // The import may name a module, and the path goes on inside of it.
            return if rest.is_empty() { Some(target) } else { self.walk(target, rest, seen) };
        }
        let through = module.globs.iter().find_map(|glob| {
            let target = self.resolve(at, glob, seen)?;
            (target != at && self.0[target].knows(first)).then(|| self.walk(target, path, seen)).flatten()
        });
        // Something that a macro defines, an associated item or a variant: it belongs to the module.
        Some(through.unwrap_or(at))
    }

    /// Which file imports which.
    fn edges(&self) -> BTreeMap<&Path, BTreeSet<&Path>> {
        let mut edges: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
        for (id, module) in self.0.iter().enumerate() {
            let to = edges.entry(&module.file).or_default();
            for path in &module.paths {
                if let Some(target) = self.resolve(id, path, &mut HashSet::new())
                    && self.0[target].file != module.file
                {
                    to.insert(&self.0[target].file);
                }
            }
        }
        edges
    }
}

impl Module {
    fn knows(&self, name: &str) -> bool {
        self.defined.contains(name) || self.imports.contains_key(name) || self.children.contains_key(name)
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name(item: &Item) -> Option<String> {
    Some(match item {
        Item::Const(item) => item.ident.to_string(),
        Item::Enum(item) => item.ident.to_string(),
        Item::Fn(item) => item.sig.ident.to_string(),
        Item::Macro(item) => item.ident.as_ref()?.to_string(),
        Item::Static(item) => item.ident.to_string(),
        Item::Struct(item) => item.ident.to_string(),
        Item::Trait(item) => item.ident.to_string(),
        Item::Type(item) => item.ident.to_string(),
        _ => return None,
    })
}

/// The paths of a `use` declaration, each with the name that it brings in; `None` for a glob.
fn flatten(tree: &UseTree, before: &mut Vec<String>, out: &mut Vec<(Vec<String>, Option<String>)>) {
    let with = |before: &[String], last: String| before.iter().cloned().chain([last]).collect::<Vec<_>>();
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, out);
            before.pop();
        }
        UseTree::Name(name) if name.ident == "self" => out.push((before.clone(), before.last().cloned())),
        UseTree::Name(name) => out.push((with(before, name.ident.to_string()), Some(name.ident.to_string()))),
        UseTree::Rename(name) if name.ident == "self" => out.push((before.clone(), Some(name.rename.to_string()))),
        UseTree::Rename(name) => out.push((with(before, name.ident.to_string()), Some(name.rename.to_string()))),
        UseTree::Glob(_) => out.push((before.clone(), None)),
        UseTree::Group(group) => group.items.iter().for_each(|one| flatten(one, before, out)),
    }
}

/// Gathers every path with more than one segment, also inside of macros.
struct Paths<'a>(&'a mut Vec<Vec<String>>);

impl<'a> Visit<'a> for Paths<'_> {
    fn visit_path(&mut self, path: &'a syn::Path) {
        if path.segments.len() > 1 && path.leading_colon.is_none() {
            self.0.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, declaration: &'a ItemUse) {
        let mut leaves = Vec::new();
        flatten(&declaration.tree, &mut Vec::new(), &mut leaves);
        self.0.extend(leaves.into_iter().map(|(path, _)| path));
    }

    fn visit_macro(&mut self, call: &'a syn::Macro) {
        self.0.extend(paths_of_tokens(&call.tokens.to_string()));
        visit::visit_macro(self, call);
    }

    // Who may see an item says nothing of what it uses.
    fn visit_vis_restricted(&mut self, _: &'a syn::VisRestricted) {}

    fn visit_impl_item_fn(&mut self, function: &'a syn::ImplItemFn) {
        if !is_test_only(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }
}

/// `a :: b :: c` in the text of tokens.
fn paths_of_tokens(tokens: &str) -> Vec<Vec<String>> {
    let words: Vec<&str> = tokens.split_whitespace().collect();
    let is_name = |word: &str| word.chars().all(|c| c.is_alphanumeric() || c == '_') && !word.is_empty();
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let mut path = Vec::new();
        while at < words.len() && is_name(words[at]) {
            path.push(words[at].to_owned());
            if words.get(at + 1) == Some(&"::") { at += 2 } else { break }
        }
        if path.len() > 1 {
            found.push(path);
        }
        at += 1;
    }
    found
}

/// Files that reach each other: strongly connected components of more than one.
fn circles<'a>(edges: &BTreeMap<&'a Path, BTreeSet<&'a Path>>) -> Vec<BTreeSet<&'a Path>> {
    let reach = |from: &'a Path| -> BTreeSet<&'a Path> {
        let mut reached = BTreeSet::new();
        let mut open = vec![from];
        while let Some(next) = open.pop() {
            for to in edges.get(next).into_iter().flatten() {
                if reached.insert(*to) {
                    open.push(*to);
                }
            }
        }
        reached
    };
    let reached: BTreeMap<_, _> = edges.keys().map(|file| (*file, reach(file))).collect();
    let mut found: Vec<BTreeSet<&Path>> = Vec::new();
    for (file, there) in &reached {
        if there.contains(file) && !found.iter().any(|circle| circle.contains(file)) {
            let back = |other: &&&Path| reached.get(**other).is_some_and(|back| back.contains(file));
            found.push(there.iter().filter(back).copied().collect());
        }
    }
    found
}

#[test]
fn the_modules_of_a_crate_form_no_circle() {
    let mut wrong = Vec::new();
    for Crate { roots, .. } in crates() {
        for file in roots {
            let modules = Modules::of(&file);
            let edges = modules.edges();
            for circle in circles(&edges) {
                let ties = circle.iter().flat_map(|from| {
                    let others = edges[from].iter().filter(|to| circle.contains(*to));
                    others.map(|to| format!("{} -> {}", local(from), local(to)))
                });
                wrong.push(ties.collect::<Vec<_>>().join("\n"));
            }
        }
    }
    assert!(wrong.is_empty(), "modules that import each other:\n{}", wrong.join("\n\n"));
}

#[test]
fn a_circle_is_found_through_reexports_and_around_parents() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("lib.rs", "mod a; mod b; mod c; mod d; pub use a::A;");
    write("a.rs", "use crate::b::inner::B; pub struct A(B);");
    write("b/mod.rs", "pub mod inner;");
    // By way of the crate's face, and inside of a macro.
    write("b/inner.rs", "pub struct B; fn f() { println!(\"{}\", crate::A::NAME) }");
    // A test may look at everything.
    write("c.rs", "pub struct C; #[cfg(test)] mod tests { use crate::d::D; }");
    write("d.rs", "use super::c::C; pub struct D(C);");
    let modules = Modules::of(&folder.path().join("lib.rs"));
    let edges = modules.edges();
    let found: Vec<Vec<String>> = circles(&edges)
        .iter()
        .map(|circle| {
            circle.iter().map(|path| path.strip_prefix(folder.path()).unwrap().display().to_string()).collect()
        })
        .collect();
    assert_eq!(found, [["a.rs", "b/inner.rs"]]);
}
