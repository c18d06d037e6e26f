//! The codec against generated datagrams: what is encoded decodes to itself,
//! what is broken never does harm, and numbers agree with slow models.

mod chunk_model;
mod cut;
mod hostile;
mod round_trip;
mod strategies;
