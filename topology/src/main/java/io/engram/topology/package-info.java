/**
 * The Kafka Streams topology, from the lanes to searchable memory. Packages in the order of the data's way:
 *
 * <pre>
 * lanes → {@link io.engram.topology.checks}     decode, sequence, duplicate
 *       → {@link io.engram.topology.admission}  depth, pressure, levels: shed or take
 *       → {@link io.engram.topology.store}      RocksDB and its changelog: what is remembered
 *       → {@link io.engram.topology.follow}     workers that batch-insert into the index
 *       → {@link io.engram.topology.recall}     what queries see
 * </pre>
 *
 * {@link io.engram.topology.metrics} is the catalogue that all of them count in.
 */
package io.engram.topology;
