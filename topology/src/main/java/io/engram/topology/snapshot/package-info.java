/**
 * Snapshots of the indexes, so that a restart need not insert everything anew. They are a saving of work and nothing else:
 * whatever they hold is compared with the store before it counts.
 */
package io.engram.topology.snapshot;
