//! Reads tables of TOML by the names that are expected in them, and notes with its line whatever else is there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use toml::de::{DeTable, DeValue};

/// The file, and what is wrong with it so far.
pub struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    pub problems: Vec<String>,
    /// Files that are nobody's to read, with their real paths.
    pub secrets: Vec<PathBuf>,
}

/// A table of which members are taken one by one.
pub struct Section<'a> {
    name: String,
    at: usize,
    left: Vec<(&'a str, usize, &'a DeValue<'a>)>,
}

impl<'a> Section<'a> {
    pub fn new(name: &str, at: usize, table: &'a DeTable<'a>) -> Self {
        let members = table.iter();
        let members =
            members.map(|(key, value)| (&**key.get_ref(), key.span().start, value.get_ref()));
        Self {
            name: name.to_owned(),
            at,
            left: members.collect(),
        }
    }

    fn full_name(&self, name: &str) -> String {
        if self.name.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.name)
        }
    }

    /// A member, which is asked for once.
    pub fn take(&mut self, name: &str) -> Option<(usize, &'a DeValue<'a>)> {
        let found = self.left.iter().position(|(known, ..)| *known == name)?;
        let (_, at, value) = self.left.swap_remove(found);
        Some((at, value))
    }
}

impl<'a> Reader<'a> {
    pub fn new(path: &'a Path, text: &'a str) -> Self {
        let mut reader = Self {
            path,
            text,
            problems: Vec::new(),
            secrets: Vec::new(),
        };
        reader.keep_secret(path);
        reader
    }

    /// Notes a file that is nobody's to read, whether it is there yet or not.
    pub fn keep_secret(&mut self, file: impl AsRef<Path>) {
        let file = file.as_ref();
        let real = file.canonicalize().ok().or_else(|| {
            let folder = file
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
            Some(folder.join(file.file_name()?))
        });
        self.secrets.extend(real);
    }

    /// Where the file lies: files that it names are found from there.
    pub fn folder(&self) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).to_owned()
    }

    pub fn problem(&mut self, at: usize, why: &str) {
        let before = self.text.bytes().take(at);
        let line = before.filter(|byte| *byte == b'\n').count() + 1;
        self.problems
            .push(format!("{}:{line}: {why}", self.path.display()));
    }

    /// A text or a number, made of what `parse` makes of it.
    pub fn optional<T>(
        &mut self,
        section: &mut Section<'_>,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (at, value) = section.take(name)?;
        let text = match value {
            DeValue::String(text) => Ok(text.to_string()),
            DeValue::Integer(number) => Ok(number.to_string()),
            DeValue::Boolean(flag) => Ok(flag.to_string()),
            _ => Err("must be a text in quotes".to_owned()),
        };
        let parsed = text.and_then(|text| parse(&text));
        let noted = |why: String| self.problem(at, &format!("{} {why}", section.full_name(name)));
        parsed.map_err(noted).ok()
    }

    pub fn required<T>(
        &mut self,
        section: &mut Section<'_>,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if !section.left.iter().any(|(known, ..)| *known == name) {
            let missing = format!("{} is missing", section.full_name(name));
            self.problem(section.at, &missing);
        }
        self.optional(section, name, parse)
    }

    /// A list of texts, each made of what `parse` makes of it.
    pub fn list<T>(
        &mut self,
        section: &mut Section<'_>,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let Some((at, value)) = section.take(name) else {
            return Vec::new();
        };
        let full = section.full_name(name);
        let DeValue::Array(items) = value else {
            self.problem(at, &format!("{full} must be a list of texts in quotes"));
            return Vec::new();
        };
        let mut parsed = Vec::new();
        for item in items.iter() {
            let one = match item.get_ref() {
                DeValue::String(text) => parse(text),
                _ => Err("must be a list of texts in quotes".to_owned()),
            };
            match one {
                Ok(one) => parsed.push(one),
                Err(why) => self.problem(item.span().start, &format!("{full} {why}")),
            }
        }
        parsed
    }

    /// A secret: here, or better in a file of its own, named relative to this one.
    pub fn secret<T>(
        &mut self,
        section: &mut Section<'_>,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let in_file = format!("{name}_file");
        let Some((at, value)) = section.take(&in_file) else {
            return self.required(section, name, parse);
        };
        let folder = self.folder();
        if let DeValue::String(file) = value {
            self.keep_secret(folder.join(&**file));
        }
        let read = match value {
            DeValue::String(file) => fs::read_to_string(folder.join(&**file))
                .map_err(|error| format!("is {:?}: {error}", &**file)),
            _ => Err("must be the name of a file".to_owned()),
        };
        let parsed = read.and_then(|text| parse(text.trim_end_matches(['\n', '\r'])));
        let noted =
            |why: String| self.problem(at, &format!("{} {why}", section.full_name(&in_file)));
        parsed.map_err(noted).ok()
    }

    /// What nobody has asked for is a mistake.
    pub fn end(&mut self, section: Section<'_>) {
        let mut left = section.left.clone();
        left.sort_by_key(|(_, at, _)| *at);
        for (name, at, _) in left {
            let unknown = format!("there is no setting {}", section.full_name(name));
            self.problem(at, &unknown);
        }
    }
}
