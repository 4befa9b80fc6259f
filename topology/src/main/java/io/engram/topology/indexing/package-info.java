/**
 * From the store to the index: references wait in deadline order, workers take them in batches, idle workers steal.
 *
 * <p>The index is derived from the store and may always be built again from it.
 */
package io.engram.topology.indexing;
