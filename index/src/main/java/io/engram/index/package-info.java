/**
 * Vector indexes: k-nearest-neighbour search by cosine similarity over the memories of one space on one partition.
 *
 * <p>{@link io.engram.index.VectorIndex} is the contract, {@link io.engram.index.IndexEngine} makes one; each engine has
 * a package of its own and passes the contract test kit. Nothing here knows Kafka.
 */
package io.engram.index;
