/**
 * The one store of a task: everything it remembers, under prefixed keys, in RocksDB with a changelog.
 *
 * <pre>
 * key                              value
 * 'm' space 00 id                  {@link io.engram.topology.store.StoredMemory}: a memory, or the tombstone of a forgotten one
 * 't' time (8) space 00 id          empty; when a tombstone was left, so that old ones are found in order
 * 's' space 00 lane 00 session     {@link io.engram.topology.store.SessionState}: next sequence, open numbers, digests
 * 'r' space 00 lane 00 session 00 incarnation (8)
 *                                  {@link io.engram.topology.store.RetiredSession}: an earlier incarnation with open numbers
 * 'e' space 00 time (8) id         empty; when each memory was enqueued, in spaces with a retention
 * 'p' space                        {@link io.engram.topology.store.SpaceRecord}: dimension, retention, drop marks
 * 'o'                              {@link io.engram.topology.store.LanePositions}: how far the lanes are processed
 * 'g'                              upper bound of the generations given out, 8 bytes
 * </pre>
 */
package io.engram.topology.store;
