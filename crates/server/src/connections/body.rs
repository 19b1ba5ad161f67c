//! How long the body of a request may take.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_http::{Payload, Request, error::PayloadError};
use actix_web::web::Bytes;
use futures_util::Stream;

use super::patience::Exchange;

/// Notes when an endpoint begins to wait for the body, and when it need not wait any more.
struct WatchedBody {
    body: Payload,
    awaited: bool,
    exchange: Rc<Exchange>,
}

pub fn watch(request: &mut Request, exchange: Rc<Exchange>) {
    match request.take_payload() {
        Payload::None => {}
        body => {
            *request.payload() = Payload::Stream {
                payload: Box::pin(WatchedBody {
                    body,
                    awaited: false,
                    exchange,
                }),
            }
        }
    }
}

impl Stream for WatchedBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = Pin::new(&mut self.body).poll_next(cx);
        match &polled {
            Poll::Pending if !self.awaited => {
                self.awaited = true;
                self.exchange.body_is_awaited();
            }
            Poll::Pending | Poll::Ready(Some(Ok(_))) => {}
            Poll::Ready(None | Some(Err(_))) => self.done(),
        }
        polled
    }
}

impl WatchedBody {
    fn done(&mut self) {
        if std::mem::take(&mut self.awaited) {
            self.exchange.body_is_done();
        }
    }
}

impl Drop for WatchedBody {
    fn drop(&mut self) {
        self.done();
    }
}
