/**
 * The Kafka Streams topology, from the lanes to searchable memory. Packages in the order of the data's way:
 *
 * <pre>
 * lanes → {@link io.engram.topology.intake}     key, decode, sequence, duplicate: what is to become of a record
 *       → {@link io.engram.topology.admission}  depth, pressure, levels: shed or take
 *       → {@link io.engram.topology.apply}      what an accepted change does
 *       → {@link io.engram.topology.store}      RocksDB and its changelogs: what is remembered
 *       → {@link io.engram.topology.follow}     indexes of large spaces, which follow the store
 *       → {@link io.engram.topology.workers}    queues, batches, stealing: what inserts into them
 *       → {@link io.engram.topology.recall}     what queries see
 * </pre>
 *
 * Beside that way: {@link io.engram.topology.rejection} is where what is not taken goes, {@link io.engram.topology.tick} what
 * time does, {@link io.engram.topology.progress} how far everything has come, {@link io.engram.topology.format} the bytes of
 * what is stored, {@link io.engram.topology.supervision} the threads. {@link io.engram.topology.metrics} is the catalogue that
 * all of them count in. None of these packages needs another one that needs it.
 */
package io.engram.topology;
