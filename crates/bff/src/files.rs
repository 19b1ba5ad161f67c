//! The app itself: files of one folder, with a Content-Security-Policy.

use std::{
    io::Read,
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    body::{BodySize, MessageBody},
    http::{Method, StatusCode, header},
    web,
};

use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::{
    Bff, answer,
    forward::{Cut, Length},
    settings::Limits,
};

/// The largest file, in bytes.
const LARGEST: u64 = 1024 * 1024 * 1024;
/// What is read of a file at once, in bytes.
const PIECE: u64 = 64 * 1024;

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
    file: std::fs::File,
    kind: &'static str,
    etag: String,
    length: u64,
}

/// A file on its way.
struct Pieces {
    pieces: mpsc::Receiver<web::Bytes>,
    left: u64,
}

impl MessageBody for Pieces {
    type Error = Cut;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.left)
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<web::Bytes, Cut>>> {
        let this = self.get_mut();
        let piece = ready!(this.pieces.poll_recv(context));
        this.left -= piece.as_ref().map_or(0, |piece| piece.len() as u64);
        match piece {
            Some(piece) => Poll::Ready(Some(Ok(piece))),
            None if this.left == 0 => Poll::Ready(None),
            None => Poll::Ready(Some(Err(Cut("a file is not whole")))),
        }
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
        .insert_header((header::ETAG, &*found.etag))
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
        return answer.body(Length(found.length));
    }
    // One piece goes at once, and nobody who is slow keeps the app's own page from others.
    if found.length <= PIECE {
        return answer.body(begin(found, bff.0.settings.limits, None));
    }
    let Ok(place) = bff.0.files.clone().try_acquire_owned() else {
        return answer::unavailable();
    };
    answer.body(begin(found, bff.0.settings.limits, Some(place)))
}

/// Strangers can ask for files: each holds some pieces in memory and a place, as long as its time is not over.
fn begin(found: Found, limits: Limits, place: Option<OwnedSemaphorePermit>) -> Pieces {
    let (sender, pieces) = mpsc::channel(1);
    let left = found.length;
    let whole = limits.head + Duration::from_secs(left / limits.rate.max(1));
    actix_web::rt::spawn(async move {
        let _place = place;
        let sent = tokio::time::timeout(whole, send(found.file, left, &sender, limits.between));
        if sent.await.is_err() {
            tracing::info!("a file is cut: the browser takes it too slowly");
        }
    });
    Pieces { pieces, left }
}

async fn send(
    mut file: std::fs::File,
    mut left: u64,
    sender: &mpsc::Sender<web::Bytes>,
    between: Duration,
) {
    while left > 0 {
        let read = web::block(move || {
            let mut piece = Vec::new();
            let count = (&mut file).take(left.min(PIECE)).read_to_end(&mut piece);
            count.map(|_| (file, piece))
        });
        // It may have been cut short meanwhile.
        let (back, piece) = match read.await {
            Ok(Ok((back, piece))) if !piece.is_empty() => (back, piece),
            _ => return,
        };
        file = back;
        left -= piece.len() as u64;
        let sent = tokio::time::timeout(between, sender.send(piece.into())).await;
        if !matches!(sent, Ok(Ok(()))) {
            return;
        }
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
    // Whatever else may stand there, a pipe would hold whoever opens it.
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    let file = std::fs::File::open(&path).ok()?;
    let metadata = file.metadata().ok()?;
    if metadata.len() > LARGEST {
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
        file,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::{App, test as requests};
    use latchkey_protocol::Entropy;

    use super::*;
    use crate::{
        bff::FILES,
        seal::SealKeys,
        settings::{Lifetimes, Settings},
        store::MemoryStore,
    };

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

    fn settings(folder: PathBuf) -> Settings {
        Settings {
            origin: "http://localhost".into(),
            issuer: "http://localhost:9".into(),
            client_id: "shop".into(),
            client_secret: "secret".into(),
            scope: "openid".into(),
            seal_keys: SealKeys::read(&"a".repeat(64)).unwrap(),
            upstreams: Vec::new(),
            static_files: Some(folder),
            content_security_policy: Settings::POLICY.into(),
            lifetimes: Lifetimes::default(),
            limits: Limits::default(),
        }
    }

    struct Zero;

    impl Entropy for Zero {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    #[actix_web::test]
    async fn the_app_itself_is_there_while_slow_browsers_have_every_place() {
        let folder = std::env::temp_dir().join(format!("latchkey-places-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let folder = folder.canonicalize().unwrap();
        let one_more = usize::try_from(PIECE).unwrap() + 1;
        std::fs::write(folder.join("index.html"), "x".repeat(one_more - 1)).unwrap();
        std::fs::write(folder.join("large.js"), "x".repeat(one_more)).unwrap();
        let (store, entropy) = (Arc::new(MemoryStore::default()), Arc::new(Zero));
        let bff = Bff::start(settings(folder.clone()), store, entropy).unwrap();
        let places = bff.0.files.clone();
        let app = requests::init_service(App::new().configure(bff.routes())).await;
        let ask = async |path| {
            let request = requests::TestRequest::get().uri(path).to_request();
            requests::call_service(&app, request)
                .await
                .status()
                .as_u16()
        };
        let taken = places.try_acquire_many(FILES.try_into().unwrap()).unwrap();
        assert_eq!((ask("/").await, ask("/large.js").await), (200, 503));
        drop(taken);
        assert_eq!(ask("/large.js").await, 200);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
