//! The way of every call: the door, the address, the idempotency key, the operation, the answer.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use latchkey_operations::Repetition;
use latchkey_protocol::{error::Refusal, idempotency::is_key};
use latchkey_ui::{Ui, call::header as header_text};

use crate::{
    Api,
    answer::Answer,
    asked::Asked,
    door,
    problem::{Kind, Problem, broken},
    route::{Method, Route},
};

/// Answers a call.
pub async fn serve(
    route: &'static Route,
    ui: web::Data<Ui>,
    api: web::Data<Api>,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    if !route.creates || !request.headers().contains_key(KEY) {
        return answered(route, &ui, &api, &request, &body).await;
    }
    // Carried to its end also when the caller goes: whoever asks again hears what came of it.
    let call = async move { answered(route, &ui, &api, &request, &body).await };
    match actix_web::rt::spawn(call).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(%error, "a call came to no end");
            HttpResponse::InternalServerError().finish()
        }
    }
}

const KEY: &str = "idempotency-key";

async fn answered(
    route: &'static Route,
    ui: &web::Data<Ui>,
    api: &Api,
    request: &HttpRequest,
    body: &[u8],
) -> HttpResponse {
    match admitted(route, ui, api, request, body).await {
        Ok(answer) => answer.into_response(),
        Err(problem) => problem.answer(ui, request),
    }
}

async fn admitted(
    route: &'static Route,
    ui: &web::Data<Ui>,
    api: &Api,
    request: &HttpRequest,
    body: &[u8],
) -> Result<Answer, Problem> {
    let call = ui.call(request);
    let client = door::admit(ui, api, call, route.need()).await?;
    let asked = Asked::new((ui, api), call, client, route, body)?;
    asked.unversioned()?;
    match header_text(request, KEY).filter(|_| route.creates) {
        None => (route.run)(&asked).await,
        Some(key) => once(&asked, key).await,
    }
}

/// Carries a call out, unless it is known by its key.
async fn once(asked: &Asked<'_>, key: &str) -> Result<Answer, Problem> {
    if !is_key(key) {
        let problem = "a key has 1 to 255 visible ASCII characters";
        return Err(Problem::parameter(
            "Idempotency-Key",
            problem,
            "make one as a UUID",
        ));
    }
    let (store, keys) = (&*asked.ui.store, &asked.api.idempotency);
    let body = String::from_utf8_lossy(asked.body);
    let request = [asked.route.id, asked.call.request.path(), &body];
    let begun = keys.begin(store, (&asked.client.id, key), &request, asked.call.now);
    let call = match begun.await? {
        Repetition::First(call) => call,
        Repetition::Answered(answer) => return serde_json::from_str(&answer).map_err(broken),
        Repetition::UnderWay => {
            let detail = "a call with this Idempotency-Key is being carried out";
            return Err(Problem::new(Kind::InProgress, detail));
        }
        Repetition::OtherRequest => {
            let detail = "this Idempotency-Key came with another call before";
            return Err(Problem::new(Kind::KeyReused, detail));
        }
        Repetition::NoRoom { wait } => {
            let detail = "too many calls with an Idempotency-Key within a day: leave it out";
            let problem = Problem::new(Kind::TooMany, detail);
            return Err(problem.header(header::RETRY_AFTER, wait.to_string()));
        }
    };
    let answered = (asked.route.run)(asked).await;
    match &answered {
        Ok(answer) => {
            let answer = serde_json::to_string(answer).map_err(broken)?;
            keys.note(store, &call, Some(&answer)).await;
        }
        // Whether it was done is not known.
        Err(problem) if !problem.is_undone && matches!(problem.kind, Kind::Fault | Kind::Busy) => {}
        Err(_) => keys.note(store, &call, None).await,
    }
    answered
}

/// Where there is an address, but not for this method.
pub async fn method_not_allowed(
    allowed: Vec<Method>,
    ui: web::Data<Ui>,
    request: HttpRequest,
) -> HttpResponse {
    let allowed: Vec<_> = allowed.into_iter().map(Method::name).collect();
    let allowed = allowed.join(", ");
    let detail = format!("this address answers {allowed}");
    let problem = Problem::new(Kind::Method, detail).header(header::ALLOW, allowed);
    problem.answer(&ui, &request)
}

/// Where there is nothing.
pub async fn not_found(ui: web::Data<Ui>, request: HttpRequest) -> HttpResponse {
    let detail = "there is nothing at this address; the addresses stand in the OpenAPI document";
    Problem::new(Kind::Missing, detail).answer(&ui, &request)
}

/// A body that never reached its call: too large, or cut short.
pub fn unreadable(ui: &Ui, request: &HttpRequest, refused: &Refusal) -> HttpResponse {
    let said = refused.reason.refusal();
    let kind = match said.status {
        413 => Kind::TooLarge,
        _ => Kind::Unreadable,
    };
    Problem::new(kind, said.public).answer(ui, request)
}
