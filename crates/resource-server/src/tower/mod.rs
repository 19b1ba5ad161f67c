//! tower: a layer for axum, tonic, hyper and what else is made of services.
//!
//! Around one route of axum it takes that route's guard; around a whole gRPC server it takes a table of paths:
//!
//! ```
//! use latchkey_resource_server::{RequireScope, Verifier, tower::ProtectLayer};
//!
//! # fn layers(api: Verifier) {
//! // axum: Router::new().route("/orders", get(list).layer(orders))
//! let orders = ProtectLayer::new(&api, RequireScope("orders:read"));
//!
//! // tonic: Server::builder().layer(grpc)
//! let grpc = ProtectLayer::of(&api)
//!     .grpc()
//!     .open("/grpc.health.v1.Health/Check")
//!     .require("/shop.Orders/List", RequireScope("orders:read"));
//! # }
//! ```
//!
//! A handler finds the verified token in the request's extensions, as [`Caller`]: with axum by the argument
//! `Extension(caller): Extension<Caller>`. Close what else a router has by a layer around the whole of it,
//! `ProtectLayer::new(&api, Authenticated)`: axum adds routes without asking for a guard. The `Routes` of the feature `axum` do
//! ask, and close the rest by themselves.

mod answer;
mod layer;

pub use layer::{Caller, ProtectLayer, ProtectService};
