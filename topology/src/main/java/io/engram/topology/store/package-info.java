/**
 * The two stores of a task: everything it remembers, under prefixed keys, in RocksDB with a changelog each. Both take part in
 * the task's transaction.
 *
 * <p>{@code memory}: what a standby has to get in the order in which it was written, for the index follows it.
 *
 * <pre>
 * key                              value
 * 'm' space 00 id                  {@link io.engram.topology.format.StoredMemory}: a memory, or the tombstone of a forgotten one
 * 't' time (8) space 00 id          empty; when a tombstone was left, so that old ones are found in order
 * 'e' space 00 time (8) id         empty; when each memory was enqueued, in spaces with a retention
 * 'd' lane (1) number (8)          {@link io.engram.topology.format.DeferredChunk}: neighbouring source offsets that were shed
 * 'p' space                        {@link io.engram.topology.format.SpaceRecord}: dimension, retention, drop marks
 * 'l' space                        empty; there while the space is large
 * 'k' space                        {@link io.engram.topology.format.RetentionState}: of spaces with a retention
 * 'u' kind (1) time (8) space      {@link io.engram.topology.format.DueKind}: what is to be done with a space, and when
 * 'v'                              {@link io.engram.topology.format.DefaultsReview}: the configured retention that spaces follow
 * 'd', 't', 'u' kind, each with fe and with ff
 *                                  empty: fences, so that reading behind the last key finds one at once
 * 'm' space, 'e' space             empty: fences of the store's own, in no changelog; there while 'p' space is, the second
 *                                  while the space has a retention, so that reading the space before it ends there
 * 'o'                              {@link io.engram.topology.progress.LanePositions}: how far the lanes are processed
 * 'g'                              upper bound of the generations given out, 8 bytes
 * </pre>
 *
 * <p>{@code sessions}: what is written again and again, and of which only the latest matters; behind a cache that writes each
 * key once a commit.
 *
 * <pre>
 * 's' space 00 lane 00 session     {@link io.engram.topology.format.SessionState}: next sequence, open numbers, digests
 * 'r' space 00 lane 00 session 00 incarnation (8)
 *                                  {@link io.engram.topology.format.RetiredSession}: an earlier incarnation with open numbers
 * 'c' space                        {@link io.engram.topology.format.SpaceSize}: how much it holds
 * 'u' kind (1) time (8) session    {@link io.engram.topology.format.DueKind}: what is to be done with a session, and when
 * 'r', 's', 'u' kind, each with fe and with ff
 *                                  empty: fences; they are there as soon as anything was processed
 * </pre>
 */
package io.engram.topology.store;
