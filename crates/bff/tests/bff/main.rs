//! The BFF on a real socket: each test is a promise of its documentation, on each store where the store has a part in it.
#![allow(clippy::unwrap_used)]

mod attacks;
mod clocks;
mod forwarding;
mod outages;
mod redis;
mod renewal;
mod sign_in;
mod sign_out;
mod slow_bodies;
mod static_files;
mod stores;
mod support;
mod sweeps;
mod websockets;
