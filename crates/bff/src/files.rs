//! The app itself: files of one folder, with a Content-Security-Policy.

use std::{
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    body::{BodySize, MessageBody},
    http::{Method, StatusCode, header},
    web,
};

use tokio::sync::OwnedSemaphorePermit;

use crate::{Bff, answer};

/// The largest file, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;

/// What browsers take files for, by the ends of their names.
const KINDS: [(&str, &str); 18] = [
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("json", "application/json"),
    ("map", "application/json"),
    ("webmanifest", "application/manifest+json"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("ico", "image/x-icon"),
    ("woff2", "font/woff2"),
    ("woff", "font/woff"),
    ("txt", "text/plain; charset=utf-8"),
    ("wasm", "application/wasm"),
];

/// A file that may be served.
struct Found {
    path: PathBuf,
    kind: &'static str,
    etag: String,
    length: u64,
}

/// A file on its way, and its place in memory.
struct Bytes {
    left: Option<web::Bytes>,
    _room: OwnedSemaphorePermit,
}

impl MessageBody for Bytes {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.left.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<web::Bytes, Self::Error>>> {
        Poll::Ready(self.get_mut().left.take().map(Ok))
    }
}

pub async fn serve(bff: web::Data<Bff>, request: HttpRequest) -> HttpResponse {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return answer::not_found();
    }
    let Some(folder) = bff.0.settings.static_files.clone() else {
        return answer::not_found();
    };
    let Some(name) = relative(request.uri().path()) else {
        return answer::not_found();
    };
    let found = web::block(move || find(&folder, &name)).await;
    let Some(found) = found.ok().flatten() else {
        return answer::not_found();
    };
    let mut answer = HttpResponse::build(StatusCode::OK);
    answer
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::ETAG, found.etag.clone()))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            &*bff.0.settings.content_security_policy,
        ));
    let known = request.headers().get(header::IF_NONE_MATCH);
    if known.is_some_and(|known| known.as_bytes() == found.etag.as_bytes()) {
        return answer.status(StatusCode::NOT_MODIFIED).finish();
    }
    answer.content_type(found.kind);
    if *request.method() == Method::HEAD {
        return answer.no_chunking(found.length).finish();
    }
    read(&bff, found, answer).await
}

/// Files are in memory until they are taken: strangers can ask for as much as there is room for, and no more.
async fn read(bff: &Bff, found: Found, mut answer: HttpResponseBuilder) -> HttpResponse {
    let room = u32::try_from(found.length / 1024 + 1).unwrap_or(u32::MAX);
    let Ok(room) = bff.0.files.clone().try_acquire_many_owned(room) else {
        return answer::unavailable();
    };
    let length = found.length;
    match web::block(move || std::fs::read(found.path)).await {
        // It may have grown meanwhile.
        Ok(Ok(bytes)) if bytes.len() as u64 == length => answer.body(Bytes {
            left: Some(bytes.into()),
            _room: room,
        }),
        _ => answer::unavailable(),
    }
}

/// The file that a path names: plain names alone, none of which is hidden. A path without an ending is one of the app's own, and
/// `index.html` answers it. Nothing is decoded: whatever is escaped is no file.
fn relative(path: &str) -> Option<PathBuf> {
    let segments: Vec<_> = path.split('/').skip(1).collect();
    let (last, folders) = segments.split_last()?;
    let is_plain = |name: &&str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~@+".contains(&b);
        !name.is_empty() && !name.starts_with('.') && name.bytes().all(plain)
    };
    if !folders.iter().all(is_plain) {
        return None;
    }
    if last.is_empty() || !last.contains('.') && is_plain(last) {
        return Some("index.html".into());
    }
    is_plain(last).then(|| segments.iter().collect())
}

/// None also for what a link leads out of the folder.
fn find(folder: &Path, name: &Path) -> Option<Found> {
    let path = folder.join(name).canonicalize().ok()?;
    if !path.starts_with(folder) {
        return None;
    }
    let metadata = path.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return None;
    }
    let changed = metadata.modified().ok()?;
    let changed = changed.duration_since(std::time::UNIX_EPOCH).ok()?;
    let ending = path.extension().and_then(|ending| ending.to_str());
    let kind = KINDS.iter().find(|(known, _)| Some(*known) == ending);
    Some(Found {
        kind: kind.map_or("application/octet-stream", |(_, kind)| kind),
        etag: format!("\"{:x}-{:x}\"", changed.as_nanos(), metadata.len()),
        length: metadata.len(),
        path,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_file_of_the_folder_or_the_app_itself() {
        let named = |path| relative(path).map(|name| name.display().to_string());
        for (path, file) in [
            ("/", "index.html"),
            ("/orders/7", "index.html"),
            ("/orders/", "index.html"),
            ("/app.js", "app.js"),
            ("/assets/a-1.css", "assets/a-1.css"),
        ] {
            assert_eq!(named(path).as_deref(), Some(file), "{path}");
        }
        for bad in [
            "",
            "/../secret.txt",
            "/..",
            "/a/../../b.txt",
            "/.env",
            "/.git/config.txt",
            "/a/.b/c.js",
            "/%2e%2e/a.txt",
            "/a%2fb.txt",
            "/a\\b.txt",
            "//etc/passwd.txt",
            "/a//b.js",
            "/a b.js",
        ] {
            assert_eq!(named(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_link_leads_nowhere_outside_the_folder() {
        let outside = std::env::temp_dir().join(format!("latchkey-bff-{}", std::process::id()));
        let folder = outside.join("dist");
        std::fs::create_dir_all(&folder).unwrap();
        let folder = folder.canonicalize().unwrap();
        std::fs::write(outside.join("secret.txt"), "secret").unwrap();
        std::fs::write(folder.join("a.txt"), "a").unwrap();
        std::os::unix::fs::symlink(outside.join("secret.txt"), folder.join("b.txt")).unwrap();
        let kind = |name: &str| find(&folder, Path::new(name)).map(|file| file.kind);
        assert_eq!(kind("a.txt"), Some("text/plain; charset=utf-8"));
        assert_eq!(kind("b.txt"), None);
        std::fs::remove_dir_all(outside).unwrap();
    }
}
