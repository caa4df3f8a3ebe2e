//! What is lost, late, doubled or odd on the way, and what must not be lost or said twice for it.

mod chaos;
mod connection;
mod oddities;
mod publishing;
mod restart;
mod unmarked;
